// Package replicatest tests what several processes promise together: one refresh
// of a user's token for all, and one session for each booking key. The processes
// share a model of a token store or a booking ledger, in virtual time.
package replicatest
