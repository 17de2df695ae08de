package processtest

import (
	"flag"
	"fmt"
	"os"
	"testing"
)

const (
	postgresDSN     = "COVIU_TEST_POSTGRES"
	postgresRestart = "COVIU_TEST_POSTGRES_RESTART"
	// roleVariable makes this program, started again, serve orders instead of
	// running tests.
	roleVariable = "COVIU_TEST_PROCESS"
)

func TestMain(m *testing.M) {
	if role := environment(roleVariable); role != "" {
		serveOrders(role)
		return
	}
	for _, name := range []string{postgresDSN, postgresRestart} {
		if environment(name) == "" {
			fmt.Println(name + " is not set: the tests leave PostgreSQL, or its restart, out")
		}
	}
	// The tests mostly wait: for tokens to expire, for leases to end.
	flag.Parse()
	if err := flag.Set("test.parallel", "4"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// environment is what tests and their processes are told.
func environment(name string) string {
	return os.Getenv(name) //nolint:forbidigo // where databases are differs between machines
}
