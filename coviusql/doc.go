// Package coviusql keeps users' tokens and booking keys in PostgreSQL or SQLite,
// so that several processes act as one: they refresh a user's token once, and
// book at most one session for a key.
//
// It uses database/sql; the driver is yours:
//
//	db, err := sql.Open("pgx", os.Getenv("DATABASE_URL"))
//	...
//	store, err := coviusql.Open(ctx, db, coviusql.PostgreSQL)
//	...
//	client, err := coviu.NewClient(key, secret, coviu.WithBookingLedger(store.Ledger()))
//	...
//	doctor, err := client.AsStored(store.Token(doctorID))
//
// # How rows are held
//
// No transaction, row lock or connection is held while the service is asked. A
// holder writes its name and a lease of 10 seconds into the row and renews the
// lease every 3 seconds; others wait until it is released or over. The database's
// clock counts, never that of a process. Every statement is a transaction of its
// own and keeps nothing in the connection, so that a proxy such as PgBouncer may
// pool transactions, and a small pool of connections serves many bookings. Behind
// such a proxy the driver must not prepare statements: set
// default_query_exec_mode=exec for pgx.
//
// A booking takes 4 statements, a call with a key that is already booked 2, a
// token refresh 2.
//
// # SQLite
//
// SQLite serves the processes of one machine. Journal mode and time-outs are set
// in the driver's data source name; WAL mode with synchronous=FULL is a good
// choice. The package waits for a locked database as long as the context lasts.
//
// # What it can't prevent
//
//   - A process that stalls between its last check and the request, longer than
//     its lease and the grace period together, may book a second time.
//   - A booking that the service carries out or lists later than the grace period
//     may be a second one.
//   - A database that loses what it committed loses the record of a booking: a
//     replica that takes over from an asynchronous primary, a power failure under
//     PostgreSQL's synchronous_commit=off or SQLite's synchronous=NORMAL.
//   - If the database's clock jumps ahead by more than the grace period, a booking
//     that is under way may seem to be overdue.
//   - A process that is killed between the service's reply and the save loses the
//     new refresh token. The next process that asks for the token refreshes it at
//     once, which helps if the service still accepts the old refresh token. The same
//     happens if the process was not killed but stalled longer than its lease: a
//     service that takes the reuse of a refresh token for theft then ends the grant.
package coviusql
