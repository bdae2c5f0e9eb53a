import NIOCore

/// What one client may take of the server: bytes, connections and time.
struct ServerLimits: Sendable {
    /// The bytes of a request's target.
    var target = 8 * 1024
    /// The bytes of all header fields of a request, and of one.
    var headerBytes = 16 * 1024
    /// How many header fields a request may have.
    var headerFields = 100
    /// The bytes of all bodies that are being received, of all connections together.
    var bodies = 32 << 20
    /// The bytes that are read at once.
    var read = 4 * 1024

    /// From the first byte of a request to the end of its head.
    var head = TimeAmount.seconds(10)
    /// From the end of a request's head to the end of its body.
    var body = TimeAmount.seconds(20)
    /// Without a byte of the reply that the client takes.
    var progress = TimeAmount.seconds(30)
    /// Between requests; longer than the minute for which balancers keep a connection, so that theirs ends first.
    var idle = TimeAmount.seconds(75)
    /// For the requests that are under way when the server ends.
    var drain = TimeAmount.seconds(15)
    /// For a request that is on its way on a silent connection when the server ends: it is answered, as the last.
    var farewell = TimeAmount.milliseconds(250)
    /// For what is left of a request that was refused, so that its sender can read the reply that says so.
    var unwanted = TimeAmount.seconds(2)

    /// Those of a sidecar: cookies of an application beside a token, and an end within a second.
    static var sidecar: ServerLimits {
        var limits = ServerLimits()
        (limits.headerBytes, limits.target) = (96 * 1024, 16 * 1024)
        (limits.farewell, limits.drain) = (.milliseconds(100), .milliseconds(700))
        return limits
    }
}
