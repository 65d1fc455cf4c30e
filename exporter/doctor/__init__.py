"""Pure. Everything worth checking about an installation and its gateways, as one report: `examine.examine` makes it."""
