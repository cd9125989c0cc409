# Loaded by Python before the function, when it may be snapshotted. After a restore init sends a signal, and the main thread
# runs renew before it goes on with anything else: two instances of one snapshot then draw other numbers.
import os
import sys


def renew(*_):
    modules = sys.modules
    try:
        import gc
        random = modules.get("random")
        bits = getattr(modules.get("numpy.random"), "BitGenerator", None)
        if random or bits:
            for o in gc.get_objects():
                if random and isinstance(o, random.Random):
                    o.seed()  # from the kernel; forgets what gauss keeps for its next call, too
                elif bits and isinstance(o, bits):
                    o.state = type(o)().state
        if bits:
            modules["numpy.random"].seed()
        if "_sqlite3" in modules:
            sqlite()
    except Exception as e:  # a function is not ended by this; its log tells
        sys.stderr.write("videosdgx: random numbers may repeat: %r\n" % (e,))


def sqlite():
    # random() and randomblob() of SQL: the library forgets its generator, and takes another seed from the kernel
    import ctypes
    with open("/proc/self/maps") as maps:
        names = set(line.split(None, 5)[5].strip() for line in maps if "sqlite3" in line)
    for name in names:
        library = ctypes.CDLL(name)  # it is loaded: this finds it
        if hasattr(library, "sqlite3_randomness"):
            library.sqlite3_randomness(0, None)
            return
    raise RuntimeError("SQLite's generator is out of reach")


def install():
    import signal
    signal.signal(SIGNAL, renew)


SIGNAL = 63
here = os.path.dirname(os.path.abspath(__file__))
try:
    if sys.version_info >= (3, 5):
        install()
except Exception:  # without it, snapshots are left alone
    pass

# what this file hides: the image's own sitecustomize
own = sys.modules.pop("sitecustomize", None)
before = sys.path[:]
sys.path[:] = [p for p in sys.path if os.path.abspath(p) != here]
try:
    import sitecustomize  # noqa: F401
except ImportError:
    sys.modules["sitecustomize"] = own
finally:
    sys.path[:] = [p for p in before if os.path.abspath(p) != here]
