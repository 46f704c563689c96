"""Tiny models with weights by chance, built in a second: a folder that transformers loads like any other model's.

``build_model(folder, "gemma2")`` trains a tokenizer on the domains' own files and saves it beside a model of some hundred thousand
weights. The chat template of the Gemmas does what Google's does: ``<start_of_turn>``, roles that alternate, no ``system``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

Kind = Literal["gemma2", "gemma3", "llama"]

ROOT = Path(__file__).resolve().parents[1]

WORDS = 1024
"""Tokens that are learned, beside the bytes and the special ones."""

SPECIAL = ("<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>")

GEMMA_TEMPLATE = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for message in messages %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "{% set role = 'model' if message['role'] == 'assistant' else message['role'] %}"
    "{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)
SYSTEM_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{{ '<start_of_turn>' + message['role'] + '\n' + message['content'] + '<end_of_turn>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<start_of_turn>assistant\n' }}{% endif %}"
)


def build_model(folder: Path, kind: Kind = "gemma2", *, context: int = 4096, template: str | None = "") -> Path:
    """A tiny model of this kind in ``folder``; ``template`` None leaves it without a chat template."""
    import torch
    from transformers import Gemma2ForCausalLM, Gemma3ForCausalLM, LlamaForCausalLM

    tokenizer = _gemma_tokenizer() if kind != "llama" else _llama_tokenizer()
    own = SYSTEM_TEMPLATE if kind == "llama" else GEMMA_TEMPLATE
    tokenizer.chat_template = own if template == "" else template
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    classes = {"gemma2": Gemma2ForCausalLM, "gemma3": Gemma3ForCausalLM, "llama": LlamaForCausalLM}
    model = classes[kind](_configuration(kind, tokenizer, context))
    for weights in model.parameters():  # larger than at the start of training: what is said varies with what was said
        if weights.dim() > 1:
            torch.nn.init.normal_(weights, std=0.08)
    model.generation_config.eos_token_id = [tokenizer.eos_token_id, tokenizer.convert_tokens_to_ids("<end_of_turn>")]
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.save_pretrained(folder)
    return folder


def _configuration(kind: Kind, tokenizer: Any, context: int) -> Any:
    from transformers import Gemma2Config, Gemma3TextConfig, LlamaConfig

    shape = {
        "vocab_size": len(tokenizer),
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "max_position_embeddings": context,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    if kind == "llama":
        return LlamaConfig(**shape)
    kinds = ["sliding_attention", "full_attention", "sliding_attention"]
    sliding = {"sliding_window": 24, "query_pre_attn_scalar": 16, "layer_types": kinds}
    return Gemma2Config(**shape, **sliding) if kind == "gemma2" else Gemma3TextConfig(**shape, **sliding)


def _gemma_tokenizer() -> Any:
    """As SentencePiece does: spaces are letters, what no piece spells is spelled in bytes."""
    import json

    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    trainer = trainers.BpeTrainer(vocab_size=WORDS + len(SPECIAL), special_tokens=list(SPECIAL), show_progress=False)
    tokenizer.train_from_iterator(_texts(), trainer)
    state = json.loads(tokenizer.to_str())
    known = state["model"]["vocab"]
    for byte in range(256):
        known.setdefault(f"<0x{byte:02X}>", len(known))
    return _wrapped(Tokenizer.from_str(json.dumps(state)))


def _llama_tokenizer() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    letters = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=WORDS + 256, special_tokens=list(SPECIAL), initial_alphabet=letters, show_progress=False)
    tokenizer.train_from_iterator(_texts(), trainer)
    return _wrapped(tokenizer)


def _wrapped(tokenizer: Any) -> Any:
    from transformers import PreTrainedTokenizerFast

    pad, eos, bos, unk, *turns = SPECIAL
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=pad,
        eos_token=eos,
        bos_token=bos,
        unk_token=unk,
        additional_special_tokens=turns,
        clean_up_tokenization_spaces=False,
    )


def _texts() -> Iterator[str]:
    """What the tokenizer learns from: the tools of our domains, line by line."""
    for path in sorted((ROOT / "schemas").glob("*/tools.json")):
        yield from path.read_text(encoding="utf-8").splitlines()
