# cython: language_level=3
# cython: freethreading_compatible=True
"""Calls seen before: their keys, and the plans of the latest ones.

A call on a small array takes a microsecond or two, so that even hashing its arguments would show.
The latest calls are therefore compared by identity first: an argument that is the same object, of a
type that cannot change, means the same.
"""

cdef enum:
    KEPT = 8

cdef list latest = []  # (call, what belongs to it), the newest first; replaced whole, never changed


cdef bint exact(object value, tuple trusted, list types) except -1:
    """Appends the types inside `value` if equal values of these types mean the same call."""
    cdef object t = type(value)
    if t is tuple:
        for item in value:
            if not exact(item, trusted, types):
                return False
    elif t is float:
        types.append(value.hex())
        return True
    types.append(t)
    return (t is int or t is str or t is tuple or value is None or t is bool
            or isinstance(value, trusted) or (callable(value) and t.__hash__ is not None))


def typed_key(tuple call not None, tuple trusted not None):
    """A dict key for the arguments of a call, or None if they hold anything but plain values and
    instances of `trusted` classes.

    Equal keys mean equal calls: 2, 2.0 and True are equal in Python, but not as a window."""
    cdef list types = []
    return (call, tuple(types)) if exact(call, trusted, types) else None


cdef bint same(tuple a, tuple b) except -1:
    """Entries are the same objects; the first two (shape and strides) need only be equal."""
    cdef Py_ssize_t i
    if len(a) != len(b):
        return False
    for i in range(2, len(a)):
        if a[i] is not b[i]:
            return False
    return a[0] == b[0] and a[1] == b[1]


def recall(tuple call not None):
    """What was remembered for this call lately, or None."""
    cdef list entries = latest
    cdef tuple entry
    for entry in entries:
        if same(<tuple> entry[0], call):
            return entry[1]
    return None


def remember(tuple call not None, object value):
    """Keeps `value` for a call that has a typed key, so that its entries cannot change."""
    global latest
    latest = [(call, value), *latest[:KEPT - 1]]


def forget():
    global latest
    latest = []
