r"""The template ``functiongemma``: the turns of FunctionGemma 270M, whose strings stand between ``<escape>``.

    <bos><start_of_turn>developer
    {system}
    You are a model that can do function calling with the following functions\
    <start_function_declaration>declaration:f{…}<end_function_declaration><end_of_turn>
    <start_of_turn>user
    {text}<end_of_turn>
    <start_of_turn>model
    {text}<start_function_call>call:f{k:<escape>v<escape>}<end_function_call>\
    <start_function_response>response:f{k:1}<end_function_response>{text}<end_of_turn>

(A backslash: the line goes on.)

Source: ai.google.dev "FunctionGemma formatting and best practices", and what Google's notebooks print; the official chat
template is gated. The sentence in the developer's turn turns function calling on, to the letter. ``shared_turn`` has the rest.
"""

from __future__ import annotations

from gen.rendering.formats import shared_turn
from gen.rendering.formats.turn_frame import Frame

FRAME = Frame(
    system="developer",
    turn=("<start_of_turn>", "<end_of_turn>"),
    tool=("<start_function_declaration>", "<end_function_declaration>"),
    call=("<start_function_call>", "<end_function_call>"),
    response=("<start_function_response>", "<end_function_response>"),
    quote="<escape>",
    offer="You are a model that can do function calling with the following functions",
)

FUNCTIONGEMMA = shared_turn.template(
    "functiongemma",
    "FunctionGemma's own turns: declarations, calls and results in braces, strings between <escape>",
    FRAME,
)
