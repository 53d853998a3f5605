"""How well drops are found: simulated traffic, oracles, rivals, and the product measured against them."""

from __future__ import annotations
