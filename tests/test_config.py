import argparse
import re

import pytest

from ovnest.config import SETTINGS, BadSetting, Settings, add_options, load


def loaded(*argv: str, **environment: str) -> Settings:
    parser = argparse.ArgumentParser()
    add_options(parser)
    return load(parser.parse_args(argv), environment)


def test_the_command_line_wins_over_the_environment_and_that_over_the_default() -> None:
    assert loaded().parent_delete == "refuse"
    assert loaded(OVNEST_PARENT_DELETE="orphan").parent_delete == "orphan"
    assert loaded("--parent-delete", "cascade", OVNEST_PARENT_DELETE="orphan").parent_delete == "cascade"


def test_numbers_switches_and_lists_are_read_from_text() -> None:
    settings = loaded("--workers", "3", "--no-durable", "--allowed-host", "a", "--allowed-host", "b")
    assert (settings.workers, settings.durable, settings.allowed_host) == (3, False, ("a", "b"))
    settings = loaded(OVNEST_WORKERS="3", OVNEST_DURABLE="false", OVNEST_ALLOWED_HOST="a, b,")
    assert (settings.workers, settings.durable, settings.allowed_host) == (3, False, ("a", "b"))
    assert loaded("--durable", OVNEST_DURABLE="0").durable is True


@pytest.mark.parametrize(
    ("argv", "environment", "message"),
    [
        (["--workers", "0"], {}, "--workers cannot be '0': Expected `int` >= 1"),
        (["--workers", "many"], {}, "--workers cannot be 'many': Expected `int`"),
        (
            [],
            {"OVNEST_PARENT_DELETE": "x"},
            "OVNEST_PARENT_DELETE cannot be 'x': it is one of refuse, cascade",
        ),
        ([], {"OVNEST_DURABLE": "maybe"}, "OVNEST_DURABLE cannot be 'maybe': it is true or false"),
        (["--base-mac", "01:00:5e:00:00:00"], {}, "it is written like fa:16:3e:00:00:00"),
        ([], {"OVNEST_LISTN": "unix:/x"}, "OVNEST_LISTN is no setting. Did you mean OVNEST_LISTEN?"),
    ],
)
def test_what_cannot_be_is_refused_saying_where_it_came_from(
    argv: list[str], environment: dict[str, str], message: str
) -> None:
    with pytest.raises(BadSetting, match=re.escape(message)):
        loaded(*argv, **environment)


def test_variables_of_others_are_left_alone() -> None:
    assert loaded(OVNEST_TEST_PATIENCE="3", PATH="/bin") == Settings()


def test_a_verb_takes_only_the_settings_that_it_names() -> None:
    parser = argparse.ArgumentParser()
    add_options(parser, ["northbound"])
    with pytest.raises(SystemExit):
        parser.parse_args(["--workers", "2"])
    assert load(parser.parse_args(["--northbound", "unix:/x"]), {}).northbound == "unix:/x"


def test_every_setting_has_one_line_of_help_and_a_default_that_it_accepts() -> None:
    parser = argparse.ArgumentParser()
    add_options(parser)
    shown = parser.format_help()
    for setting in SETTINGS:
        assert setting.option in shown
        assert setting.help
        assert "\n" not in setting.help
        text = str(setting.default) if not setting.is_list else ""
        if text:
            assert getattr(loaded(**{setting.variable: text}), setting.name) == setting.default
