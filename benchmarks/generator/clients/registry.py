"""All clients, in the order in which they have their turn within a round."""

from __future__ import annotations

from benchmarks.generator.clients.base import Client
from benchmarks.generator.clients.govbench import Govbench
from benchmarks.generator.clients.hey import Hey
from benchmarks.generator.clients.k6 import K6
from benchmarks.generator.clients.locust import FAST_HTTP_USER, HTTP_USER
from benchmarks.generator.clients.wrk import Wrk

CLIENTS: tuple[Client, ...] = (Govbench(), FAST_HTTP_USER, HTTP_USER, K6(), Wrk(), Hey())
