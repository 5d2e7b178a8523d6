"""The plugins' documents hold what the plugins do."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from parloir.plugins.billing.plugin import Billing
from parloir.plugins.billing.settings import Counted, Discount, Indigent, Levy, Payments, Prices, Rate, Step
from parloir.plugins.billing.words import WORDS as BILLING_WORDS
from parloir.plugins.contacts.plugin import Contacts
from parloir.plugins.contacts.settings import ContactList
from parloir.plugins.contacts.words import WORDS as CONTACTS_WORDS
from parloir.plugins.limits.plugin import Limits
from parloir.plugins.limits.settings import Duration, Gap, Quota
from parloir.plugins.limits.words import WORDS as LIMITS_WORDS
from parloir.plugins.monitoring.plugin import Monitoring
from parloir.plugins.monitoring.settings import HotList, Rule

DOCS = Path(__file__).parents[1] / "docs" / "plugins"
DOCUMENTED: list[tuple[str, Any, tuple[Any, ...], dict[str, Any]]] = [
    ("billing", Billing, (Counted, Discount, Indigent, Levy, Payments, Prices, Rate, Step), BILLING_WORDS),
    ("contacts", Contacts, (ContactList,), CONTACTS_WORDS),
    ("limits", Limits, (Duration, Quota, Gap), LIMITS_WORDS),
    ("monitoring", Monitoring, (HotList, Rule), {}),
]


@pytest.mark.parametrize(("name", "plugin", "parts", "words"), DOCUMENTED, ids=[each[0] for each in DOCUMENTED])
def test_a_plugins_document_names_all_its_settings_and_codes_and_its_example_is_read(
    name: str, plugin: Any, parts: tuple[Any, ...], words: dict[str, Any]
) -> None:
    text = (DOCS / f"{name}.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    plugin.Settings.model_validate(yaml.safe_load(example)["facilities"]["north"]["plugins"][name])
    for part in (plugin.Settings, *parts):
        for key, field in part.model_fields.items():
            assert f"`{field.alias or key}`" in text
    assert [code for code in words if f"`{code}`" not in text] == []
