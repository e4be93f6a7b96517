"""Files that are whole or not there at all."""

import os
import stat
from pathlib import Path

import pytest

from ovnest.agent import durable


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_cannot_be_written_whole_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "file"
    durable.write(path, b"before", 0o600)

    def fail() -> None:
        with durable.being_written(path, 0o600) as fd:
            os.write(fd, b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_keeps_its_rights_when_it_is_rewritten(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    durable.rewrite(path, "one")
    assert (path.read_text(), _mode(path)) == ("one", 0o644)
    path.chmod(0o640)
    durable.rewrite(path, "two")
    assert (path.read_text(), _mode(path)) == ("two", 0o640)
    durable.rewrite(path, None)
    durable.rewrite(path, None)
    assert not path.exists()


def test_a_file_that_nobody_else_may_read_is_so_from_its_first_byte(tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        with durable.being_written(tmp_path / "key", 0o600):
            assert [_mode(each) for each in tmp_path.iterdir()] == [0o600]
    finally:
        os.umask(mask)
