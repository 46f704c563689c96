"""vLLM in this process, where it is installed: its own batching, prefix cache and structured outputs.

Written by vLLM's documentation (0.12 and later: ``AsyncLLM``, ``StructuredOutputsParams``) and never run where fcgen was made:
vLLM comes for CUDA only. Schemas are tightened, since what its grammar engines cannot enforce they pass over.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import Any

from gen.errors import BadInput, OutsideFailed, missing_extra
from gen.teachers.engines.chat import Chat
from gen.teachers.request import Completion, Request
from gen.teachers.tighten import stepped, tighten
from gen.tools.validation import schema_text

IN_FLIGHT = 512
"""Requests in flight: vLLM batches as many as its memory takes, and lets the others wait."""


class VllmEngine:
    """The engine of ``vllm:MODEL``. ``options`` go to vLLM's engine as they are (``tensor_parallel_size``, ``max_model_len``, ...)."""

    concurrency = IN_FLIGHT

    def __init__(self, name: str, **options: Any) -> None:
        try:
            from transformers import AutoTokenizer
            from vllm import AsyncEngineArgs  # type: ignore[import-not-found]  # an extra that CI cannot install
            from vllm.v1.engine.async_llm import AsyncLLM  # type: ignore[import-not-found]  # as above
        except ModuleNotFoundError as error:
            raise missing_extra("vllm", "vllm", "a teacher vllm:MODEL") from error
        self._name = name
        try:
            self._chat = Chat(AutoTokenizer.from_pretrained(name, trust_remote_code=False), name)
            self._engine = AsyncLLM.from_engine_args(AsyncEngineArgs(model=name, enable_prefix_caching=True, **options))
        except (OSError, ValueError) as error:
            raise BadInput(f"vLLM cannot load {name}: {error}") from error
        except RuntimeError as error:
            raise OutsideFailed(f"vLLM did not start with {name}: {error}", hint="its log above says why: often memory") from error
        self._tight: dict[str, Any] = {}
        self._numbers = itertools.count()

    async def complete(self, request: Request) -> Completion:
        prompt = await asyncio.to_thread(self._chat.tokens, request.messages)
        began = time.monotonic()
        last: Any = None
        try:
            outputs = self._engine.generate(
                request_id=f"fcgen-{next(self._numbers)}", prompt={"prompt_token_ids": prompt}, sampling_params=self._sampling(request)
            )
            async for output in outputs:
                last = output
        except ValueError as error:  # too long for the model, or a schema that is refused
            raise BadInput(f"vLLM refuses the request: {error}") from error
        except RuntimeError as error:
            raise OutsideFailed(f"vLLM failed: {error}") from error
        if last is None:
            raise OutsideFailed("vLLM ended a request without an answer")
        said = last.outputs[0]
        return Completion(
            text=said.text,
            finish="stop" if said.finish_reason == "stop" else "length",
            tokens_in=len(prompt),
            tokens_out=len(said.token_ids),
            tokens_cached=last.num_cached_tokens or 0,
            seconds=time.monotonic() - began,
        )

    def _sampling(self, request: Request) -> Any:
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams  # type: ignore[import-not-found]  # as above

        asked = request.sampling
        return SamplingParams(
            temperature=asked.temperature,
            top_p=asked.top_p,
            max_tokens=asked.max_tokens,
            seed=request.seed,
            output_kind=RequestOutputKind.FINAL_ONLY,
            structured_outputs=None if request.schema is None else StructuredOutputsParams(json=self._tightened(request.schema)),
        )

    def _tightened(self, schema: Any) -> Any:
        key = schema_text(schema)
        if key not in self._tight:
            self._tight[key] = stepped(tighten(schema).schema)
        return self._tight[key]

    def forget(self, view: str) -> None:
        """vLLM's prefix cache looks after itself."""

    async def close(self) -> None:
        self._engine.shutdown()
