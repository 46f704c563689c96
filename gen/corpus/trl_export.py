"""What stands in the README of rows that are exported for TRL: the program that trains on them, and what would go wrong without a word.

The program is run by a test. Knows nothing of how rows are rendered.
"""

from __future__ import annotations

from collections.abc import Sequence

COLUMNS = ("input_ids", "labels")
"""The columns that SFTTrainer takes as they are; it adds none of its own marks and makes no labels where these are."""

TOKENIZER = "tokenizer"
"""The folder, within the export, of the tokenizer that the ids are of."""

_PROGRAM = """\
from datasets import load_dataset
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import SFTConfig, SFTTrainer

folder, base = {folder!r}, {base!r}
rows = load_dataset(folder)
tokenizer = AutoTokenizer.from_pretrained(f"{{folder}}/{tokenizer}")
model = AutoModelForCausalLM.from_pretrained(base, dtype="bfloat16", attn_implementation="eager")
{grown}lora = LoraConfig(
    r=32,
    lora_alpha=32,
    task_type="CAUSAL_LM",
    target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
{trained})
model = get_peft_model(model, lora)
{patched}arguments = SFTConfig(output_dir="out", max_length=None)  # its default, 1024, cuts rows and drops what is then masked
trainer = SFTTrainer(model, args=arguments, train_dataset=rows["train"], processing_class=tokenizer)
trainer.train()
"""

_GROWN = "model.resize_token_embeddings(len(tokenizer))\nnew = tokenizer.convert_tokens_to_ids({added!r})\n"
_TRAINED = '    trainable_token_indices={"embed_tokens": new},  # the new tokens\' rows, and no others\n'
_PATCHED = 'model.get_output_embeddings().register_parameter("bias", None)  # TRL 1.16 asks a head with trained rows for its bias\n'


def program(folder: str, base: str, added: Sequence[str]) -> str:
    """The program that trains on an export with TRL.

    Args:
        base: the model whose tokenizer the rows were rendered with.
        added: the tokens that were added to it.
    """
    return _PROGRAM.format(
        folder=folder,
        base=base,
        tokenizer=TOKENIZER,
        grown=_GROWN.format(added=list(added)) if added else "",
        trained=_TRAINED if added else "",
        patched=_PATCHED if added else "",
    )


def readme(folder: str, template: str, base: str, added: Sequence[str]) -> str:
    """The README's text below its head."""
    return (
        f"Conversations in the special tokens of `{template}`, as ids and labels for TRL's `SFTTrainer`, written by\n"
        f"`fcgen render --format trl`. `{TOKENIZER}/` is the tokenizer that the ids are of.\n\n"
        f"```python\n{program(folder, base, added)}```\n\n"
        "`labels` is -100 where nothing is learned. With `max_length=None` no row is cut; `fcgen render --max-tokens` rejects long ones,\n"
        "by name. Leave out `assistant_only_loss` and `completion_only_loss`: the labels say it already. Masks instead of labels would be\n"
        "ignored without a word.\n"
    )
