module example.com/clinic

go 1.26.0

replace github.com/coviu/coviu-go-sdk => ../..

require (
	github.com/coviu/coviu-go-sdk v0.0.0-00010101000000-000000000000
	golang.org/x/oauth2 v0.37.0
)

require github.com/google/go-querystring v1.2.0 // indirect
