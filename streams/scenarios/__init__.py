"""Stories with an expected end: events of a customer in, decisions out, told so that a support lead can read them."""
