"""What handle values hold: the wire form of a value, and the form of the data of each standard type.

`value` is every value, `json_form` its JSON; the other modules are named by what they describe: HS_ADMIN (`admin`),
HS_VLIST (`references`), HS_NAMESPACE (`namespace`), HS_CERT and HS_SIGNATURE (`claims`), 10320/loc (`location`). HS_SITE
is in `site`, HS_PUBKEY in `auth.keys`. HS_SERV and HS_ALIAS hold a handle, URL and EMAIL text, HS_SECKEY a secret.
"""
