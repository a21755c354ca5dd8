"""Tables that lie elsewhere: in PostgreSQL, as Delta or Iceberg tables, in object storage."""
