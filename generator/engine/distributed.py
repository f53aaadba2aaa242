"""One twin learned by several processes, each on a device of its own: data parallel, as torchrun lays it out.

Every rank draws batches of its own from the same faces; gradients are averaged in one exchange a step, so weights stay the same
everywhere. Before that exchange the ranks tell each other how their batch went: one that ran out of memory, or found no
number, stops the step for all, and none waits for another. Number 0 decides when to stop and to copy, and it alone writes.

`lead` is what a training job on a machine with several GPUs enters: it is number 0 itself and starts the others
(`python -m generator.engine.distributed`, with the variables that torchrun would set). `train_together` hands them their
faces over the loopback; nothing of them rests anywhere. A program that torchrun starts makes its group by
`Group.from_environment`, and calls `train_together` or `train` itself.
"""

from __future__ import annotations

import datetime
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from .config import TwinConfig
from .faceset import FaceSet
from .ranks import Ranks
from .training import TrainingResult, train

_PATIENCE = datetime.timedelta(minutes=10)  # a rank may wait so long while number 0 stores a checkpoint on a slow disk
_INHERITED = ("PATH", "PYTHONPATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "LANG", "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES")


class Group(Ranks):
    """One of several ranks. Collective: every rank calls the same methods in the same order."""

    def __init__(self, number: int, size: int, device: torch.device) -> None:
        self.number, self.size, self.device = number, size, device
        if device.type == "cuda":
            torch.cuda.set_device(device)
        backend = "nccl" if device.type == "cuda" else "gloo"
        dist.init_process_group(backend, rank=number, world_size=size, timeout=_PATIENCE)

    @classmethod
    def from_environment(cls, device: str | None = None) -> Group:
        """As torchrun says: RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR, MASTER_PORT. device: "cpu", or a GPU each."""
        kind = device or ("cuda" if torch.cuda.is_available() else "cpu")
        own = torch.device(kind, int(os.environ["LOCAL_RANK"])) if kind == "cuda" else torch.device(kind)
        return cls(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]), own)

    def agree(self, told: Sequence[float]) -> list[float]:
        values = torch.tensor(list(told), dtype=torch.float64, device=self.device)
        dist.broadcast(values, src=0)
        return list(values.tolist())

    def worst(self, status: int) -> int:
        value = torch.tensor([status], device=self.device)
        dist.all_reduce(value, op=dist.ReduceOp.MAX)
        return int(value)

    def average(self, gradients: Iterable[Tensor]) -> None:
        held = list(gradients)
        flat = torch.cat([gradient.reshape(-1).float() for gradient in held])
        dist.all_reduce(flat)
        flat /= self.size
        pieces = flat.split([gradient.numel() for gradient in held])
        torch._foreach_copy_(held, [piece.view(own.shape) for piece, own in zip(pieces, held, strict=True)])

    def alike(self, tensors: Iterable[Tensor]) -> bool:
        own = torch.cat([tensor.detach().reshape(-1).float() for tensor in tensors])
        first = own.clone()
        dist.broadcast(first, src=0)
        return self.worst(0 if torch.equal(own, first) else 1) == 0

    def share(self, thing: Any) -> Any:
        """What number 0 gives, on every rank: anything that can be pickled. For processes of one house alone."""
        held = [thing]
        dist.broadcast_object_list(held, src=0, device=self.device)
        return held[0]

    def close(self, together: bool = False) -> None:
        """Leave the group. together: wait for the others first, for whoever loses its peer while it leaves is aborted."""
        if together and dist.is_initialized():
            dist.barrier()
        if dist.is_initialized():
            dist.destroy_process_group()


def devices_here() -> list[torch.device]:
    """The GPUs of this machine; none on a machine that has at most one, where there is nothing to share out."""
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return [torch.device("cuda", index) for index in range(count)] if count > 1 else []


# keywords of `train` that every process must have alike
_SHARED = {"seconds", "images", "checkpoint", "base", "same_person", "hold_subject", "compiled", "precision"}


@contextmanager
def lead(size: int, device: str | None = None) -> Iterator[Group]:
    """Be number 0 of `size` ranks and start the others, which end with this block, or with this process however it ends.

    They wait for `train_together`. They see nothing of this process's environment but what finding Python
    and the GPUs takes: no key and no password.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    shared = {"WORLD_SIZE": str(size), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    inherited["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    command = [sys.executable, "-m", "generator.engine.distributed", *([device] if device else [])]
    followers = []
    before = {name: os.environ.get(name) for name in (*shared, "RANK", "LOCAL_RANK")}
    group = None
    try:
        for number in range(1, size):
            own = {"RANK": str(number), "LOCAL_RANK": str(number)}
            followers.append(subprocess.Popen(command, env=inherited | shared | own, stdin=subprocess.PIPE))
        os.environ.update(shared | {"RANK": "0", "LOCAL_RANK": "0"})
        group = Group.from_environment(device)
        yield group
        group.close(together=True)
        for follower in followers:
            with suppress(subprocess.TimeoutExpired):
                follower.wait(60)
    finally:
        if group is not None:
            group.close()
        for follower in followers:
            follower.kill()
            follower.wait()
            if follower.stdin:
                follower.stdin.close()
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _end_with_the_leader() -> None:
    """The pipe to number 0 closes when that process is gone, however it went."""
    os.read(0, 1)
    os._exit(1)


def train_together(
    group: Group, config: TwinConfig, subject: FaceSet, library: FaceSet, *, shared: dict[str, Any], **own: Any
) -> TrainingResult:
    """Number 0's `train`, with the others learning alongside.

    shared: keywords of `train` that all of them need: seconds, images, checkpoint, base, compiled, precision. own: those that are
    number 0's alone, such as callbacks.
    """
    group.share({"config": config, "subject": subject, "library": library, **shared})
    return train(config, subject, library, **shared, **own, device=group.device, ranks=group)


def train_on_all(
    config: TwinConfig,
    subject: FaceSet,
    library: FaceSet,
    *,
    processes: int | None = None,
    device: str | None = None,
    **knobs: Any,
) -> TrainingResult:
    """`train`, with a process for each GPU of this machine where it has several.

    processes, device: so many, on this kind of device, instead. knobs: any of `train`'s other keywords.
    """
    count = len(devices_here()) if processes is None else processes
    if count < 2:
        return train(config, subject, library, device=device, **knobs)
    shared = {name: knobs.pop(name) for name in _SHARED & knobs.keys()}
    with lead(count, device) as group:
        return train_together(group, config, subject, library, shared=shared, **knobs)


def follow(group: Group) -> TrainingResult:
    """Learn with what number 0 shares out, and write nothing."""
    return train(**group.share(None), device=group.device, ranks=group)


def main(arguments: Sequence[str]) -> None:
    threading.Thread(target=_end_with_the_leader, daemon=True).start()
    group = Group.from_environment(arguments[0] if arguments else None)
    follow(group)
    group.close(together=True)
    # what gloo leaves running would abort the interpreter's own way out
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
