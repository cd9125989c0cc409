# Loaded by Python before the function, when it may be snapshotted. After a restore init sends a signal, and the main thread
# runs renew before it goes on with anything else: two instances of one snapshot then draw other numbers.
import os
import sys


def renew(*_):
    tell(generators)
    if "numpy.random" in sys.modules:
        tell(sys.modules["numpy.random"].seed)


def tell(what, *of):
    try:
        what(*of)
    except Exception as e:  # a function is not ended by this, nor the others left out; its log tells
        sys.stderr.write("videosdgx: random numbers may repeat: %r\n" % (e,))


def generators():
    random, numpy = sys.modules.get("random"), sys.modules.get("numpy.random")
    kinds = [(getattr(random, "Random", None), seed), (getattr(numpy, "BitGenerator", None), bits),
             (getattr(numpy, "SeedSequence", None), sequence), (getattr(numpy, "RandomState", None), legacy)]
    kinds = [(kind, anew) for kind, anew in kinds if kind]
    if kinds:
        for o in tracked():
            for kind, anew in kinds:
                if isinstance(o, kind):
                    tell(anew, o)


def tracked():
    import gc
    frozen = getattr(gc, "get_freeze_count", int)()
    if frozen:  # the collector does not list what gc.freeze has hidden from it
        gc.unfreeze()
    try:
        return gc.get_objects()
    finally:
        if frozen:
            gc.freeze()


def seed(o):
    try:
        o.seed()  # from the kernel; forgets what gauss keeps for its next call, too
    except Exception:  # a class whose seed wants something
        sys.modules["random"].Random.seed(o)


def bits(o):
    o.state = type(o)().state


def sequence(o):
    # what spawn makes children of; nothing but unpickling sets it
    fresh = sys.modules["numpy.random"].SeedSequence(pool_size=len(o.pool))
    o.__setstate__(fresh.__reduce__()[2])


def legacy(o):
    # a normal number that the last call left for the next
    state = o.get_state(legacy=False)
    state["has_gauss"], state["gauss"] = 0, 0.0
    o.set_state(state)


def install():
    import signal
    try:
        signal.signal(SIGNAL, renew)
    except ValueError:  # a sub-interpreter, which nothing reaches from outside: the mark tells init of it
        os.open("/dev/null", os.O_RDONLY | os.O_APPEND | os.O_SYNC | os.O_NONBLOCK)


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
