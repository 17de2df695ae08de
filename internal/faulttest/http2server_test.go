package faulttest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/internal/transport"
)

const (
	http2Data     = 0x0
	http2Headers  = 0x1
	http2Reset    = 0x3
	http2Settings = 0x4
	http2Ping     = 0x6
	http2GoAway   = 0x7

	http2EndStream  = 0x1
	http2Ack        = 0x1
	http2EndHeaders = 0x4

	http2InternalError = 0x2
	http2RefusedStream = 0x7

	http2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	// hpackStatus200 is entry 8 of HPACK's static table.
	hpackStatus200 = 0x88
)

// http2Server speaks just enough HTTP/2 over TLS in memory to answer or break
// requests.
type http2Server struct {
	// answer is called for request number n, counted over all connections.
	answer func(c *http2Conn, stream uint32, n int)

	certificate tls.Certificate
	trusted     *x509.CertPool

	mu       sync.Mutex
	requests int
}

func newHTTP2Server(t *testing.T) *http2Server {
	t.Helper()
	s := new(http2Server)
	s.certificate, s.trusted = certificate(t, "127.0.0.1", time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour))
	return s
}

func (s *http2Server) client(t *testing.T) *coviu.Client {
	t.Helper()
	rt := transport.New(func(context.Context, string, string) (net.Conn, error) {
		near, far := bufferedPipe()
		go s.serve(&http2Conn{Conn: tls.Server(far, &tls.Config{
			Certificates: []tls.Certificate{s.certificate},
			NextProtos:   []string{"h2"},
		})})
		return near, nil
	})
	rt.TLSClientConfig.RootCAs = s.trusted
	return clientOver(t, rt, coviu.WithBaseURL(strings.Replace(farURL, "http", "https", 1)))
}

func (s *http2Server) body(e faultedCall) string {
	if e.method == "DELETE" {
		return `{"ok":true}`
	}
	return someSessionJSON
}

func (s *http2Server) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

func (s *http2Server) serve(c *http2Conn) {
	defer c.Close()
	preface := make([]byte, len(http2Preface))
	if _, err := io.ReadFull(c, preface); err != nil || string(preface) != http2Preface {
		return
	}
	c.frame(http2Settings, 0, 0, nil)
	for {
		kind, flags, stream, payload, err := c.next()
		if err != nil {
			return
		}
		switch {
		case kind == http2Settings && flags&http2Ack == 0:
			c.frame(http2Settings, http2Ack, 0, nil)
		case kind == http2Ping && flags&http2Ack == 0:
			c.frame(http2Ping, http2Ack, 0, payload)
		case (kind == http2Headers || kind == http2Data) && flags&http2EndStream != 0:
			s.mu.Lock()
			s.requests++
			n := s.requests
			s.mu.Unlock()
			s.answer(c, stream, n)
		}
	}
}

type http2Conn struct{ net.Conn }

func (c *http2Conn) next() (kind, flags byte, stream uint32, payload []byte, err error) {
	var header [9]byte
	if _, err = io.ReadFull(c, header[:]); err != nil {
		return 0, 0, 0, nil, err
	}
	payload = make([]byte, int(header[0])<<16|int(header[1])<<8|int(header[2]))
	_, err = io.ReadFull(c, payload)
	return header[3], header[4], binary.BigEndian.Uint32(header[5:]) &^ (1 << 31), payload, err
}

func (c *http2Conn) frame(kind, flags byte, stream uint32, payload []byte) {
	n := len(payload)
	header := binary.BigEndian.AppendUint32([]byte{byte(n >> 16), byte(n >> 8), byte(n), kind, flags}, stream)
	_, _ = c.Write(append(header, payload...))
}

func (c *http2Conn) reply(stream uint32, body string) {
	c.frame(http2Headers, http2EndHeaders, stream, []byte{hpackStatus200})
	c.frame(http2Data, http2EndStream, stream, []byte(body))
}

func (c *http2Conn) resetStream(stream, code uint32) {
	c.frame(http2Reset, 0, stream, binary.BigEndian.AppendUint32(nil, code))
}

func (c *http2Conn) goAway(last, code uint32) {
	c.frame(http2GoAway, 0, 0, binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, last), code))
}

// certificate returns a self-signed certificate for host and a pool that trusts it.
func certificate(t testing.TB, host string, from, until time.Time) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: host},
		NotBefore:    from, NotAfter: until,
		IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if ip := net.ParseIP(host); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{host}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	leaf, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	trusted := x509.NewCertPool()
	trusted.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, trusted
}
