# SPDX-License-Identifier: Apache-2.0
"""What the check of the library arrows sees, and what it lets pass: small trees of sources, one fault each."""
import pathlib
import subprocess

import pytest

CHECK = pathlib.Path(__file__).resolve().parents[2] / "infra/scripts/check-arrows"


class Tree:
    """Libraries that may stand as they are: low, and high on top of it; two features, one of which uses low."""

    def __init__(self, root):
        self.root = root
        self.write("libs/CMakeLists.txt", "add_subdirectory(low)\nadd_subdirectory(high)\nadd_subdirectory(features)\n")
        self.write("libs/features/CMakeLists.txt", "add_subdirectory(cats)\nadd_subdirectory(dogs)\n")
        self.library("low")
        self.write("libs/low/low.hpp", "")
        self.library("high", "low")
        self.write("libs/high/high.cpp", '#include "low/low.hpp"\n')
        self.library("features/cats", "low")
        self.write("libs/features/cats/model.hpp", '#include "low/low.hpp"\n')
        self.library("features/dogs")
        self.write("apps/api/clients.hpp", "")

    def library(self, folder, *deps):
        text = " ".join(f"bulkhead::{dep}" for dep in deps)
        self.write(f"libs/{folder}/CMakeLists.txt", f"bulkhead_library({folder.split('/')[-1]}\n  DEPS {text}\n  TESTS t.cpp)\n")

    def write(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def complaints(self):
        ran = subprocess.run([CHECK, self.root], text=True, capture_output=True, timeout=60)
        lines = ran.stdout.splitlines()
        assert ran.returncode == (1 if lines[1:] else 0), ran
        return lines[:-1]


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


def test_what_is_in_order_passes(tree):
    assert tree.complaints() == []


def test_an_include_needs_its_library_in_deps_in_subfolders_too(tree):
    tree.library("high")
    tree.write("libs/high/rows/deep.cpp", '// first line\n#include "low/low.hpp"\n')
    assert tree.complaints() == ["libs/high/high.cpp:1: high includes low/low.hpp without naming low in DEPS",
                                 "libs/high/rows/deep.cpp:2: high includes low/low.hpp without naming low in DEPS"]


def test_a_folder_that_is_a_library_answers_for_itself(tree):
    tree.write("libs/low/CMakeLists.txt", "add_subdirectory(page)\nbulkhead_library(low)\n")
    tree.library("low/page")
    tree.write("libs/low/page/page.hpp", '#include "low/low.hpp"\n')
    assert tree.complaints() == ["libs/low/page/page.hpp:1: page includes low/low.hpp without naming low in DEPS"]


def test_a_library_depends_on_what_stands_before_it(tree):
    tree.library("low", "high")
    tree.write("libs/low/low.cpp", '#include "high/high.cpp"\n')
    assert tree.complaints() == ["libs/low: low depends on high, which stands above it"]


def test_a_feature_depends_on_no_other(tree):
    tree.library("features/dogs", "cats")
    tree.write("libs/features/dogs/model.hpp", '#include "features/cats/model.hpp"\n')
    assert tree.complaints() == ["libs/features/dogs: the feature dogs depends on the feature cats"]


@pytest.mark.parametrize("include", ["clients.hpp", "api/clients.hpp", "apps/api/clients.hpp", "../../apps/api/clients.hpp"])
def test_no_library_includes_an_app(tree, include):
    tree.write("libs/high/more.hpp", f'#include "{include}"\n')
    assert tree.complaints() == [f"libs/high/more.hpp:1: high includes {include}, which belongs to an app"]


def test_what_deps_names_is_used(tree):
    tree.library("features/dogs", "low")
    assert tree.complaints() == ["libs/features/dogs: dogs names low in DEPS and includes nothing of it"]


def test_deps_names_libraries(tree):
    tree.library("features/dogs", "birds")
    assert tree.complaints() == ["libs/features/dogs: DEPS names bulkhead::birds, which no library is"]
