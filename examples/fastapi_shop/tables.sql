-- What the shop keeps; the ledger makes its own tables.
CREATE TABLE products (product_id text PRIMARY KEY, name text NOT NULL, price numeric NOT NULL);
CREATE TABLE orders (
    order_id text NOT NULL, customer_id text, product_id text NOT NULL, ordered_at timestamp NOT NULL,
    quantity integer NOT NULL, unit_price numeric NOT NULL
);
CREATE INDEX ON orders (customer_id);
CREATE INDEX ON orders (order_id);
CREATE TABLE mails (
    batch text NOT NULL, customer_id text NOT NULL, body text NOT NULL, sent_at timestamp, PRIMARY KEY (batch, customer_id)
);
