// Package clinictest runs the clinic in several processes, on PostgreSQL, with a
// browser, and with everything going wrong. It is a module of its own because it
// needs these. COVIU_TEST_POSTGRES is the URL of a PostgreSQL server in which tests
// may create databases, and COVIU_TEST_POSTGRES_RESTART a command that kills that
// server and starts it again.
package clinictest
