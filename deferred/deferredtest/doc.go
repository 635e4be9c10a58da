// Package deferredtest helps to test code that returns Deferreds. Its functions
// take the result out of a Deferred, and fail a test that leaves an error
// unhandled.
//
//	func TestLookup(t *testing.T) {
//		deferredtest.Watch(t) // an unhandled error fails the test
//		d := lookup("example.com")
//		deferredtest.AssertNoResult(t, d)
//		answer()
//		if got := deferredtest.SuccessResultOf(t, d); got != "192.0.2.1" {
//			t.Errorf("lookup gave %q", got)
//		}
//	}
//
// [SuccessResultOf], [FailureResultOf] and [Observe] add a callback to the
// Deferred, so call these on the goroutine that owns the Deferred. The first
// two may call t.Fatalf, so that goroutine must be the test's own.
package deferredtest
