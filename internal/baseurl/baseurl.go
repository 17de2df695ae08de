// Package baseurl checks the base URL of a service.
package baseurl

import (
	"net"
	"net/url"
	"strings"
)

// Parse returns the base URL without slashes at its end, or the reason why it can't
// be used. Plain http is only for loopback hosts, unless insecure is set.
func Parse(raw string, insecure bool) (base url.URL, reason string) {
	u, err := url.Parse(strings.TrimRight(raw, "/"))
	switch {
	case err != nil:
		return base, "can't be parsed"
	case u.Scheme != "https" && u.Scheme != "http":
		return base, "is neither https nor http"
	case u.Hostname() == "":
		return base, "has no host"
	case u.User != nil:
		return base, "has user info"
	case u.RawQuery != "" || u.ForceQuery:
		return base, "has a query"
	case u.Fragment != "" || strings.Contains(raw, "#"):
		return base, "has a fragment"
	case u.Scheme == "http" && !insecure && !isLoopback(u.Hostname()):
		return base, "is http on a host that is not loopback (WithInsecureHTTP allows that)"
	}
	return *u, ""
}

// Join returns the address of path, which needs no escaping, under base.
func Join(base url.URL, path string) url.URL {
	base.Path += path
	if base.RawPath != "" {
		base.RawPath += path
	}
	return base
}

func isLoopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}
