"""Time as it is spent in a lease: a stage ends at a moment, keeps what it has along the way, and writes whole folders."""
import math
import os
import shutil
import time


class Budget:
    """From now until `end` (seconds since 1970) or for `steps` steps, whichever is given."""

    def __init__(self, end=0, steps=0):
        self.start, self.end, self.steps = time.time(), end, steps

    def spent(self, step):
        """Share that is gone, 0 to 1."""
        if self.end:
            return min(1, (time.time() - self.start) / max(self.end - self.start, 1e-3))
        return min(1, step / self.steps)

    def seconds(self):
        return time.time() - self.start


class Keeper:
    """Calls save() at most every `seconds`."""

    def __init__(self, save, seconds):
        self.save, self.seconds, self.last = save, seconds, time.time()

    def __call__(self):
        if time.time() - self.last >= self.seconds:
            self.save()
            self.last = time.time()


def finite(loss):
    """The loss, if it is a number; else the stage ends here, with what it last kept."""
    if not math.isfinite(loss):
        raise FloatingPointError("the loss is not a number any more")
    return loss


def replace(folder, write):
    """write(temporary folder), then put it in the place of `folder`: a stop in between leaves the old or the new one."""
    temporary, old = folder.rstrip("/") + ".new", folder.rstrip("/") + ".old"
    for f in (temporary, old):
        shutil.rmtree(f, ignore_errors=True)
    os.makedirs(os.path.dirname(temporary) or ".", exist_ok=True)
    write(temporary)
    if os.path.exists(folder):
        os.rename(folder, old)
    os.rename(temporary, folder)
    shutil.rmtree(old, ignore_errors=True)
