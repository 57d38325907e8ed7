"""Gradients: plans of `spread`, and prange over their input rows.  Included in kernels.pyx."""

cdef class Gradient:
    """One term of a gradient: geometry, kind and types; built by cypool.gradients."""

    cdef Spread p
    cdef Axis axes[65]
    cdef list keep
    cdef Py_ssize_t ndim, items, cost, outputs, cells
    cdef Py_ssize_t shape[64]
    cdef Py_ssize_t x_strides[64]
    cdef Py_ssize_t mask_strides[64]

    def __init__(self, *, axes, geometry, weights, shape, strides, mask_strides, outputs, cells):
        cdef Py_ssize_t i
        self.keep = []
        self.p.g.axes = self.axes
        self.p.g.leading = len(axes) - 1
        for i in range(len(axes)):
            set_axis(&self.axes[i], axes[i], self.keep)
        self.p.g.channels = geometry["channels"]
        self.p.g.x_cell, self.p.g.x_channel = geometry["x_cell"], geometry["x_channel"]
        self.p.g.mask_cell, self.p.g.mask_channel = geometry["mask_cell"], geometry["mask_channel"]
        self.p.g.size, self.p.g.swap, self.p.g.tiles = geometry["size"], geometry["swap"], geometry["tiles"]
        self.p.kind, self.p.code, self.p.a_code = geometry["kind"], geometry["code"], geometry["a_code"]
        self.p.half, self.p.omit, self.p.masked = geometry["half"], geometry["omit"], geometry["masked"]
        self.p.mirrored, self.p.par, self.p.eps = geometry["mirrored"], geometry["par"], geometry["eps"]
        self.p.scale, self.p.tile, self.p.reach = geometry["scale"], geometry["tile"], geometry["reach"]
        self.p.most, self.p.needs_x, self.p.out_code = geometry["most"], geometry["needs_x"], geometry["out_code"]
        self.p.accumulate = geometry["accumulate"]
        self.p.weights = NULL
        if weights is not None:
            self.p.weights = doubles(weights, self.keep)
        set_strides(shape, strides, mask_strides, &self.ndim, self.shape, self.x_strides, self.mask_strides)
        self.items, self.cost = geometry["items"], geometry["cost"]
        self.outputs, self.cells = outputs, cells

    @property
    def useful(self):
        """How many threads have work worth a parallel region."""
        return max(1, min(self.items, <Py_ssize_t> min(<double> self.items * <double> self.cost / 32768.0, 1e6)))

    def run(self, x not None, mask, const uint8_t[::1] a, const double[::1] b, const double[::1] c,
            uint8_t[::1] out not None, int workers):
        """Writes (or adds to) out."""
        cdef Given given
        cdef Py_buffer from_x, from_mask
        cdef bint masked = self.p.masked
        if (out.shape[0] != self.cells * (8 if self.p.out_code == F64 else 4)
                or a.shape[0] != self.outputs * (8 if self.p.a_code == F64 else 4)
                or (b is not None and b.shape[0] != self.outputs)
                or (c is not None and c.shape[0] != self.outputs)):
            raise ValueError("an array changed its shape during the call")
        given.a, given.out = <const char*> &a[0], <char*> &out[0]
        given.b = &b[0] if b is not None else NULL
        given.c = &c[0] if c is not None else NULL
        given.x = given.mask = NULL
        PyObject_GetBuffer(x, &from_x, PyBUF_STRIDED_RO)
        try:
            check_layout(&from_x, self.ndim, self.shape, self.x_strides)
            given.x = <const char*> from_x.buf
            if not masked:
                self.on_rows(&given, workers)
                return
            PyObject_GetBuffer(mask, &from_mask, PyBUF_STRIDED_RO)
            try:
                check_layout(&from_mask, self.ndim, self.shape, self.mask_strides)
                given.mask = <const char*> from_mask.buf
                self.on_rows(&given, workers)
            finally:
                PyBuffer_Release(&from_mask)
        finally:
            PyBuffer_Release(&from_x)

    cdef int on_rows(self, const Given* given, int workers) except -1:
        cdef const Spread* p = &self.p
        cdef Rows probe
        cdef Rows* rows
        cdef char* block
        cdef Py_ssize_t i, size, start = 0, stop, chunk
        cdef Py_ssize_t many
        cdef Caller caller = here(workers)
        workers = max(workers, 1)
        many = max(workers, SLICE // max(self.cost, 1))
        size = (lay_out_rows(p, NULL, &probe) + 127) // 64 * 64
        rows = <Rows*> malloc(workers * (sizeof(Rows) + size + 64))
        if rows == NULL:
            raise MemoryError(f"no memory for {workers} x {size} bytes of scratch")
        try:
            block = <char*> (rows + workers)
            block += (64 - <size_t> block % 64) % 64
            for i in range(workers):
                lay_out_rows(p, block + i * size, &rows[i])
            while start < self.items:
                stop = min(self.items, start + many)
                with nogil:
                    if workers == 1:
                        for i in range(start, stop):
                            spread_row(p, given, rows, i)
                    else:
                        chunk = max(1, (stop - start) // (workers * 16))
                        for i in prange(start, stop, schedule="dynamic", chunksize=chunk, num_threads=workers):
                            spread_row(p, given, rows + apart(&caller, threadid()), i)
                start = stop
                if start < self.items:
                    PyErr_CheckSignals()
        finally:
            free(rows)
        return 0


def scatter(const uint8_t[::1] values not None, const int64_t[::1] index not None, uint8_t[::1] out not None,
            Py_ssize_t size, Py_ssize_t planes, int workers):
    """Unpooling: out[plane, index] = value, samples of `size` bytes; a later one wins.  Returns the position
    of the first index that lies outside its plane, or -1; a plane is written by one thread."""
    cdef Py_ssize_t each = index.shape[0] // planes, cells = out.shape[0] // size // planes, plane
    cdef Py_ssize_t* bad = <Py_ssize_t*> malloc(planes * sizeof(Py_ssize_t))
    cdef Py_ssize_t found = -1
    cdef Caller caller = here(workers)
    if bad == NULL:
        raise MemoryError(f"no memory for {planes} results")
    if index.shape[0] and values.shape[0] // size == index.shape[0]:
        for plane in prange(planes, nogil=True, schedule="static", num_threads=max(workers, 1)):
            apart(&caller, threadid())
            bad[plane] = scatter_plane(&values[0], &index[0], &out[0], size, plane, each, cells)
        for plane in range(planes - 1, -1, -1):
            found = bad[plane] if bad[plane] >= 0 else found
    free(bad)
    return found


cdef Py_ssize_t scatter_plane(const uint8_t* values, const int64_t* index, uint8_t* out, Py_ssize_t size,
                              Py_ssize_t plane, Py_ssize_t each, Py_ssize_t cells) noexcept nogil:
    cdef Py_ssize_t i
    cdef int64_t at
    for i in range(plane * each, (plane + 1) * each):
        at = index[i]  # read once: another thread may write to it
        if at < 0 or at >= cells:
            return i
        memcpy(out + (plane * cells + at) * size, values + i * size, size)
    return -1
