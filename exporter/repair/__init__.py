"""Edge. The repairs: what a person changes in a gateway's credentials through us, and how that is done without harm."""
