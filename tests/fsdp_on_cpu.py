"""``fcgen`` under FSDP2 on processors. Not a test: what ``torch.distributed.run`` starts in one.

Accelerate knows FSDP on accelerators only, and trains with DDP on a processor, without a word. torch knows it everywhere, so accelerate is
told here that it is FSDP that was launched.
"""

from __future__ import annotations

import sys
from typing import Any

import accelerate.state as state
from accelerate.utils import DistributedType

plain = state.AcceleratorState.__init__


def with_fsdp(self: Any, *args: Any, **kwargs: Any) -> None:
    plain(self, *args, **kwargs)
    if self.distributed_type == DistributedType.MULTI_CPU:
        self.distributed_type = state.PartialState._shared_state["distributed_type"] = DistributedType.FSDP
        self.fsdp_plugin = kwargs["fsdp_plugin"]


if __name__ == "__main__":
    state.AcceleratorState.__init__ = with_fsdp
    from gen.cli.main import main

    sys.exit(main())
