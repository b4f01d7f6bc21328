"""What the web server asks the access service about labels."""

from lineshaft.access.labels.egress import PseudonymKey as AskForKey
from lineshaft.access.labels.messages import PseudonymKey, PseudonymKeyOf
from lineshaft.access.requests import ask_to_change
from lineshaft.bus.client import Bus


def pseudonym_keys(bus: Bus) -> AskForKey:
    """Gives the egress gate the keys of pseudonyms, from the vault."""

    async def ask(purpose: str, recipient: str) -> bytes:
        asked = PseudonymKeyOf(purpose=purpose, recipient=recipient)
        return (await ask_to_change(bus, "pseudonym_key", asked, PseudonymKey)).key

    return ask
