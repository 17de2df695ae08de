// Package drivertest tests coviusql with database drivers. It is a module of its
// own, so that no driver gets into the build of a program that uses coviusql.
//
// COVIU_TEST_POSTGRES is the data source name of a PostgreSQL database in which
// tests may create schemas, and COVIU_TEST_PGBOUNCER that of a PgBouncer before
// it, which pools transactions. Without them the tests run on SQLite only.
package drivertest
