package coviutest_test

import (
	"testing"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

// conformance is one rule of the service. The raw check speaks plain HTTP; the
// client check, where the rule shows there, goes through the client.
type conformance struct {
	rule    string
	options []coviutest.Option
	raw     func(*testing.T, *wire)
	client  func(*testing.T, *coviutest.Server, *coviu.Client)
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for section, rows := range map[string][]conformance{
		"authorization": authorizationRules,
		"endpoints":     endpointRules,
		"lists":         listRules,
		"models":        modelRules,
		"lifecycle":     lifecycleRules,
		"dates":         dateRules,
		"replies":       replyRules,
		"variants":      variantRules,
		"beyond":        beyondRules,
		"refresh":       refreshRules,
	} {
		t.Run(section, func(t *testing.T) {
			t.Parallel()
			for _, row := range rows {
				t.Run(row.rule, func(t *testing.T) {
					t.Parallel()
					row.raw(t, newWire(t, newServer(t, row.options...)))
				})
				if row.client != nil {
					t.Run(row.rule+", through the client", func(t *testing.T) {
						t.Parallel()
						s := newServer(t, row.options...)
						row.client(t, s, s.Client(t))
					})
				}
			}
		})
	}
}

func options(opts ...coviutest.Option) []coviutest.Option { return opts }
