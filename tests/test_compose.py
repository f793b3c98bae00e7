"""docker-compose.yml without Docker: what must be true of it whatever runs it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parent.parent
FILE = REPOSITORY / "docker-compose.yml"


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return loaded


def test_services_and_what_they_need(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == {"elasticsearch", "postgres", "mlflow"}
    volumes = {v.split(":")[0] for s in compose["services"].values() for v in s.get("volumes", ())}
    assert volumes == set(compose["volumes"])
    for name, service in compose["services"].items():
        assert ("image" in service) != ("build" in service), name
        assert service["healthcheck"]["test"], name
        assert not str(service.get("image", ":1")).endswith(":latest") and ":" in service.get("image", ":"), (
            name
        )
    assert compose["services"]["mlflow"]["depends_on"]["postgres"] == {"condition": "service_healthy"}


def test_only_this_machine_can_reach_it(compose: dict[str, Any]) -> None:
    ports = [port for s in compose["services"].values() for port in s.get("ports", ())]
    assert ports and all(port.startswith("127.0.0.1:") for port in ports)


def test_security_is_on_and_every_password_is_asked_for(compose: dict[str, Any]) -> None:
    environment = compose["services"]["elasticsearch"]["environment"]
    assert environment["xpack.security.enabled"] == "true"
    text = FILE.read_text(encoding="utf-8")
    needed = set(re.findall(r"\$\{(\w+):\?[^}]+\}", text))
    assert needed == {"XLEMBED_ES_PASSWORD", "POSTGRES_PASSWORD"}, "without them nothing starts"
    for name, value in environment.items() | compose["services"]["postgres"]["environment"].items():
        assert "PASSWORD" not in name or value.startswith("${"), f"{name} is written out"
    assert ".env" in (REPOSITORY / ".gitignore").read_text(encoding="utf-8").split()


def test_versions_are_the_ones_used_elsewhere(compose: dict[str, Any]) -> None:
    project = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    (mlflow,) = re.findall(r'"(mlflow==[^"]+)"', project)
    assert f"'{mlflow}'" in compose["services"]["mlflow"]["build"]["dockerfile_inline"]
    (client,) = re.findall(r'"elasticsearch==(\d+)\.', project)
    (server,) = re.findall(r":(\d+)\.", compose["services"]["elasticsearch"]["image"])
    assert int(server) >= int(client)
