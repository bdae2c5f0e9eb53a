import PlatformLibC

/// A thread for work that waits in the system; Foundation has one too, and with it all of ICU.
package final class SystemThread: Sendable {
    private let work: @Sendable () -> Void

    private static let stackSize = 2 << 20

    private init(_ work: @escaping @Sendable () -> Void) {
        self.work = work
    }

    /// Starts a thread that ends with its work.
    ///
    /// - Returns: whether the system gave a thread.
    package static func start(_ work: @escaping @Sendable () -> Void) -> Bool {
        let context = Unmanaged.passRetained(SystemThread(work))
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        pthread_attr_setstacksize(&attributes, stackSize)
        var thread = emptyThread
        let code = pthread_create(&thread, &attributes, runWork, context.toOpaque())
        if code != 0 { context.release() }
        return code == 0
    }

    fileprivate static func run(_ context: UnsafeMutableRawPointer) {
        Unmanaged<SystemThread>.fromOpaque(context).takeRetainedValue().work()
    }
}

#if canImport(Darwin)
    private let emptyThread: pthread_t? = nil

    private func runWork(_ context: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
        SystemThread.run(context)
        return nil
    }
#else
    private let emptyThread = pthread_t()

    private func runWork(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
        if let context { SystemThread.run(context) }
        return nil
    }
#endif
