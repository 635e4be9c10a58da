// Package service starts and stops the parts of a program in order.
//
// A [Service] is a part that can be started and stopped: a server, a client
// that keeps a connection open, a job that runs every minute. To write one,
// embed [BaseService] by value. A [MultiService] is a service that consists of
// others. It starts them in the order in which they were added, and stops them
// in the reverse order.
//
//	func main() {
//		service.Run(func(r *reactor.Reactor, args []string) (service.Service, error) {
//			app := new(service.MultiService)
//			return app, errors.Join(
//				app.AddService(newDatabase(r)),
//				app.AddService(newWebServer(r)), // is stopped first
//			)
//		})
//	}
//
// [Run] is the main function of a program that serves until SIGINT or SIGTERM.
// It starts a service, and stops it before the reactor closes connections.
//
// Package endpoints has services that listen and connect; [TimerService] calls
// a function at regular times.
//
// All functions and methods must be called on the loop, except [Run] and
// [Main], which the main function of the program calls. A service that is not
// started may also be built before Run.
package service
