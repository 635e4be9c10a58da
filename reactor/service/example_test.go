package service_test

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/hawser-go/hawser/deferred"
	"github.com/hawser-go/hawser/reactor"
	"github.com/hawser-go/hawser/reactor/service"
	"github.com/hawser-go/hawser/reactor/task"
)

// database is a service of a program.
type database struct {
	service.BaseService
	clock reactor.Clock
}

func (d *database) StartService() error {
	fmt.Println("opening the database")
	return nil
}

func (d *database) StopService() deferred.Deferred[struct{}] {
	fmt.Println("closing the database")
	return task.DeferLater[struct{}](d.clock, time.Millisecond, nil) // it takes a while
}

func ExampleMain() {
	r := reactor.New(reactor.Options{})
	code := service.Main(r, func(r *reactor.Reactor, args []string) (service.Service, error) {
		work := task.NewLoopingCall(r, func() error {
			fmt.Println("working")
			_ = r.Stop() // usually a signal stops the program
			return nil
		})
		app := new(service.MultiService)
		return app, errors.Join(
			app.AddService(&database{clock: r}),
			app.AddService(service.NewTimerService(time.Minute, work)),
		)
	}, nil, os.Stdout)
	fmt.Println("exit code", code)
	// Output:
	// opening the database
	// working
	// closing the database
	// exit code 0
}

func ExampleMultiService_GetServiceNamed() {
	app := new(service.MultiService)
	web := new(service.MultiService)
	web.SetName("web")
	if err := app.AddService(web); err != nil {
		fmt.Println(err)
	}
	fmt.Println(app.GetServiceNamed("web") == web, app.GetServiceNamed("mail"))
	// Output: true <nil>
}
