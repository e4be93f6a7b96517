"""Every setting of a server stands in docs/operations.md, by the name of its option."""

from pathlib import Path

import pytest

from ovnest.config import SETTINGS, Setting

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.option)
def test_the_setting_is_documented(setting: Setting) -> None:
    assert f"`{setting.option}" in PAGE, f"docs/operations.md does not speak of {setting.option}"
