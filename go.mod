module github.com/hawser-go/hawser

go 1.26.0

require (
	github.com/clipperhouse/uax29/v2 v2.2.0
	github.com/creack/pty v1.1.24
	github.com/gammazero/workerpool v1.3.0
	github.com/go-crypt/crypt v0.14.15
	github.com/kballard/go-shellquote v0.0.0-20180428030007-95032a82bc51
	github.com/mattn/go-runewidth v0.0.31
	github.com/pkg/sftp v1.13.12
	go.starlark.net v0.0.0-20260908191801-89a6a09411d5
	golang.org/x/crypto v0.58.0
	golang.org/x/net v0.60.0
	golang.org/x/sys v0.49.0
	golang.org/x/term v0.47.0
)

require (
	github.com/gammazero/deque v1.2.2 // indirect
	github.com/go-crypt/x v0.4.16 // indirect
	github.com/kr/fs v0.1.0 // indirect
	golang.org/x/text v0.43.0 // indirect
)
