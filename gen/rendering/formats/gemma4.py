"""The template ``gemma-4``: the turns of Gemma 4, whose strings stand between ``<|"|>``.

    <bos><|turn>system
    <|think|>
    {system}<|tool>declaration:f{…}<tool|><turn|>
    <|turn>user
    {text}<turn|>
    <|turn>model
    <|channel>thought
    {thought}
    <channel|>{text}<|tool_call>call:f{k:<|"|>v<|"|>}<tool_call|><|tool_response>response:f{k:1}<tool_response|>{text}<turn|>

Source: ai.google.dev "Gemma 4 Prompt Formatting", and the official chat template of 2026-07-09 (trl's ``gemma4_v5.jinja``).
``<|think|>`` stands in rows that hold a thought; at inference ``enable_thinking`` sets it. ``shared_turn`` has the rest.
"""

from __future__ import annotations

from gen.rendering.formats import shared_turn
from gen.rendering.formats.turn_frame import Frame

FRAME = Frame(
    system="system",
    turn=("<|turn>", "<turn|>"),
    tool=("<|tool>", "<tool|>"),
    call=("<|tool_call>", "<tool_call|>"),
    response=("<|tool_response>", "<tool_response|>"),
    quote='<|"|>',
    thought=("<|channel>", "<channel|>"),
    flag="<|think|>",
)

GEMMA4 = shared_turn.template(
    "gemma-4",
    "Gemma 4's own turns: declarations, calls and results in braces, thoughts in a channel",
    FRAME,
)
