-- Jobs that one node at a time does.

-- A lease: its owner does the job until it ends; a node that dies gives it back by dying.
CREATE TABLE leases (
  name TEXT NOT NULL PRIMARY KEY,
  owner TEXT NOT NULL,
  until BIGINT NOT NULL
);
