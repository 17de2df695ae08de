// Package processtest runs the whole client in many processes, with tokens and
// bookings in one database, against one server. It counts what the server saw. It
// is a module of its own, so that no driver gets into the build of a program that
// uses coviusql.
//
// COVIU_TEST_POSTGRES is the data source name of a PostgreSQL database in which
// tests may create schemas, and COVIU_TEST_POSTGRES_RESTART a command that kills
// that server and starts it again. Without them the tests run on SQLite only.
package processtest
