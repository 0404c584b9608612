"""The outbox. Contract 6 of the house: delivered or visibly failed, never forgotten.

A notice is written in the transaction that causes it, under a stable key, and goes through these steps, each durable before the next:

    queue ─▶ pending ─▶ claim: sending ─▶ (it leaves the house) ─▶ record: delivered
                 ▲                                              ├▶ pending again, later (back-off) … failed past its horizon
                 └──────── the sender died: uncertain ◀─────────┘

- `outbox.py`: the states and every step between them; what a person may do with a failed one.
- `kinds.py`, `rules.py`: which notices there are, whom they tell, what makes them moot.
- `channel.py`, `sender.py`: what a channel is; one that fails never delays another. `email.py` is the core's own channel.
- `letters.py`: people without an account, whose address is asked of their service when a notice leaves.
- `endpoints.py`, `fan_out.py`: webhooks' subscriptions, and what is queued for them. How they are sent is the gateway's.

A crash between send and record leaves a notice uncertain: it is sent again under the same key (Message-ID, webhook-id, Topic), by which
the other side tells the second from the first. Once an acknowledgement has committed, no new send starts.
"""
