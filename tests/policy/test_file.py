import logging
import os
from pathlib import Path

import pytest

from ovnest.caller import Caller
from ovnest.operations import CATALOGUE
from ovnest.policy import BadPolicy, Policy, PolicyFile, Target, load

MEMBER = Caller(project_id="red", roles=frozenset({"member", "reader"}))
THEIRS = Target(project_id="red", parent_project_id="red")


def written(directory: Path, text: str, name: str = "policy.yaml") -> str:
    path = directory / name
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("policy.json", '{"create_port:binding:profile": "", "create_network": "!"}'),
        ("policy.json", '{\n\t"create_port:binding:profile": "",\n\t"create_network": "!"\n}'),
        ("policy.yaml", '# ours\n"create_port:binding:profile": ""\ncreate_network: "!"\n'),
        ("policy.yaml", '{"create_port:binding:profile": "", # braces\n create_network: "!"}'),
    ],
)
def test_json_and_yaml_are_read(tmp_path: Path, name: str, text: str) -> None:
    rights = load(written(tmp_path, text, name), CATALOGUE).rights(MEMBER)
    assert rights.allows("create_port:binding:profile", THEIRS)
    assert not rights.allows("create_network", THEIRS)
    assert rights.allows("create_port", THEIRS)  # a default that stays


@pytest.mark.parametrize("text", ["", "# create_port: role:member\n", "{}"])
def test_a_file_with_nothing_in_it_leaves_the_defaults(tmp_path: Path, text: str) -> None:
    rights = load(written(tmp_path, text), CATALOGUE).rights(MEMBER)
    assert not rights.allows("create_port:binding:profile", THEIRS)
    assert rights.allows("create_port", THEIRS)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('create_prot: ""', "create_prot: there is no rule of that name. Did you mean create_port?"),
        (
            '"create_port:bindng:profile": ""',
            "create_port:bindng:profile: there is no rule of that name. "
            "Did you mean create_port:binding:profile?",
        ),
        ('crate_port: ""', "crate_port: it is no rule of Neutron's, and no other rule refers to it. Did you"),
        (
            'create_routr: "role:x"',
            "create_routr: there is no rule of that name. Did you mean create_router?",
        ),
        ('helper: "role:x"', "helper: it is no rule of Neutron's, and no other rule refers to it."),
        ('create_port: "role:a role:b"', "create_port: checks, parentheses, and, or and not do not make"),
        ('create_port: "(role:a or role:b"', "create_port: checks, parentheses, and, or and not do not make"),
        ('create_port: "  "', "create_port: checks, parentheses, and, or and not do not make"),
        ('create_port: "admin"', "create_port: 'admin' is no check; one is written kind:value"),
        ("create_port: \"'role:a'\"", "create_port: ''role:a'' is no check"),
        (
            'create_port: "roel:admin"',
            "create_port: 'roel:admin' is no check that ovnest knows; it knows rule,",
        ),
        ('create_port: "http://x/y"', "create_port: 'http://x/y' is no check that ovnest knows"),
        ('create_port: "role:a,b"', "create_port: 'a,b' cannot be the name of a role"),
        (
            'create_port: "project_id:%(owner)s"',
            "create_port: '%(owner)s' is no fact that rules know; they know",
        ),
        (
            'create_port: "project_id:x%(project_id)s"',
            "is neither a plain value nor of the form %(project_id)s",
        ),
        ('create_port: "field:networks:share=True"', "create_port: 'share' is no field that rules know"),
        ('create_port: "field:networks:shared=perhaps"', "create_port: 'perhaps' is neither True nor False"),
        ('create_port: "field:networks"', "is not of the form field:networks:shared=True"),
        ('create_port: "field:port:device_owner=~["', "create_port: '[' is not a regular expression"),
        (
            'create_port: "rule:admin_olny"',
            "create_port: it refers to rule:admin_olny, which is not defined. Did you mean admin_only?",
        ),
        (
            'owner: "not rule:shared"\nshared: "rule:owner"',
            "owner: it refers to itself, owner -> shared -> owner.",
        ),
        ('create_port: "role:a"\ncreate_port: "role:b"', "create_port: it stands there twice."),
        ('{"create_port": "role:a", "create_port": "role:b"}', "create_port: it stands there twice."),
        ("create_port:", "create_port: a rule is a string, such as 'role:member'"),
        ("create_port: true", "create_port: a rule is a string, such as 'role:member'"),
        ("create_port: [[role:a]]", "create_port: a rule is a string, such as 'role:member'"),
        ('1: "role:a"', "1: the name of a rule is a string."),
        ('? [a]\n: "role:a"', "the name of a rule is a string."),
        ("- create_port", "It is not a mapping of rule names to rules."),
        ('{"create_port": "role:a"', "It is not JSON"),
        ("a: b: c", "It is not YAML"),
        ("[" * 5000, "It is nested too deep."),
    ],
)
def test_what_is_wrong_is_refused_naming_the_entry_and_what_would_be_right(
    tmp_path: Path, text: str, problem: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = written(tmp_path, text)
    with pytest.raises(BadPolicy) as refusal:
        load(path, CATALOGUE)
    assert problem in str(refusal.value)
    assert str(refusal.value).startswith(f"The policy file {path} is refused.")
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadPolicy, match=r"none\.yaml is refused\. It cannot be read: No such file"):
        load(str(tmp_path / "none.yaml"), CATALOGUE)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(BadPolicy) as refusal:
        Policy(
            CATALOGUE, {"create_prot": "", "create_port": "role:", "get_port": "rule:nothing"}, "policy.yaml"
        )
    assert [problem.partition(":")[0] for problem in refusal.value.problems] == [
        "create_port",
        "create_prot",
        "get_port",
    ]


def test_neutrons_rules_for_what_is_not_served_are_taken_and_named() -> None:
    policy = Policy(
        CATALOGUE,
        {
            "create_router": "role:x or rule:sg_owner",
            "create_router:external_gateway_info:network_id": "rule:ours",
            "ours": "role:ours",
            "create_port:hints": "!",
            "get_policy_dscp_marking_rule": "",
            "sg_owner": "project_id:%(security_group:project_id)s",
        },
    )
    assert policy.without_effect == (
        "create_port:hints",
        "create_router",
        "create_router:external_gateway_info:network_id",
        "get_policy_dscp_marking_rule",
        "sg_owner",
    )
    assert Policy(CATALOGUE, {"create_port": "role:member"}).without_effect == ()


def test_a_rule_by_its_older_name_still_counts_but_not_beside_the_newer() -> None:
    assert not Policy(CATALOGUE, {"create_ports_tags": "!"}).rights(MEMBER).allows("create_port:tags", THEIRS)
    both = Policy(CATALOGUE, {"create_port:tags": "", "create_ports_tags": "!"})
    assert both.rights(MEMBER).allows("create_port:tags", THEIRS)


def test_every_default_rule_may_be_changed_and_every_attribute_have_a_rule() -> None:
    Policy(CATALOGUE, {name: "role:member" for name in sorted(CATALOGUE.served)})
    assert CATALOGUE.rules.keys() <= CATALOGUE.served
    assert {"create_port:name", "get_port:status", "update_subnet:dns_nameservers"} <= CATALOGUE.served
    assert not CATALOGUE.served & CATALOGUE.not_served


def test_a_changed_file_comes_into_force(tmp_path: Path) -> None:
    path = written(tmp_path, "{}")
    file = PolicyFile(path, CATALOGUE)
    before = file.policy
    assert not file.reload_if_changed()
    assert file.policy is before

    written(tmp_path, '{"create_port:binding:profile": ""}')
    assert file.reload_if_changed()
    assert file.policy.rights(MEMBER).allows("create_port:binding:profile", THEIRS)
    assert not before.rights(MEMBER).allows("create_port:binding:profile", THEIRS)
    assert not file.reload_if_changed()


def test_a_file_that_becomes_bad_is_told_once_and_the_old_policy_stays(tmp_path: Path) -> None:
    path = written(tmp_path, '{"create_port:binding:profile": ""}')
    file = PolicyFile(path, CATALOGUE)
    before = file.policy

    written(tmp_path, '{"create_port:binding:profil": ""}')
    with pytest.raises(BadPolicy, match="Did you mean create_port:binding:profile"):
        file.reload_if_changed()
    assert file.policy is before
    assert not file.reload_if_changed()

    os.unlink(path)
    with pytest.raises(BadPolicy, match="No such file"):
        file.reload_if_changed()
    assert not file.reload_if_changed()
    assert file.policy is before

    written(tmp_path, '{"create_port:binding:profile": ""}')
    assert file.reload_if_changed()
    assert file.policy is not before


def test_a_file_moved_into_place_with_the_same_size_and_time_is_another(tmp_path: Path) -> None:
    path = written(tmp_path, '{"create_port": "role:a"}')
    file = PolicyFile(path, CATALOGUE)
    other = written(tmp_path, '{"create_port": "role:b"}', "other.yaml")
    status = os.stat(path)
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    os.replace(other, path)
    assert file.reload_if_changed()
