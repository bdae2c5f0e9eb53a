import Foundations
import PlatformLibC

/// A connection over a Unix socket that carries frames; each wait has an end.
///
/// It belongs to one thread.
final class UnixConnection {
    private var descriptor: Int32
    /// What has come and was not taken is the beginning of this: never more than a frame and its length.
    private var room = [UInt8](repeating: 0, count: SignerFrame.longest + 4)
    private var received = 0

    /// Why a frame did not come or go.
    enum Failure: Error {
        /// The other end is gone, or sends what is no frame.
        case lost
        /// It did not come in time.
        case late
    }

    /// Takes a connected socket, which is closed with this object.
    init(taking descriptor: Int32) {
        self.descriptor = descriptor
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        #if canImport(Darwin)
            var one: Int32 = 1
            setsockopt(descriptor, SOL_SOCKET, SO_NOSIGPIPE, &one, socklen_t(MemoryLayout<Int32>.size))
        #endif
    }

    /// Whether a process may listen at a path: connecting is not refused, whatever else keeps it from being connected to.
    static func isListening(at path: String) -> Bool {
        guard let descriptor = UnixAddress.socket() else { return true }
        let connection = UnixConnection(taking: descriptor)
        return UnixAddress.with(path, { connect(connection.descriptor, $0, $1) }) == 0
            || errno != ECONNREFUSED && errno != ENOENT
    }

    /// Connects to a socket; `nil` where no process listens there or its queue is full.
    convenience init?(to path: String) {
        guard let descriptor = UnixAddress.socket() else { return nil }
        self.init(taking: descriptor)
        guard UnixAddress.with(path, { connect(descriptor, $0, $1) }) == 0 else { return nil }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// Gives the socket away.
    func released() -> Int32 {
        defer { descriptor = -1 }
        return descriptor
    }

    /// The user that has the other end; `nil` where the system does not say.
    var peer: UInt32? {
        #if os(Linux)
            // struct ucred: the process, the user and the group.
            var (credentials, size) = ([UInt32](repeating: 0, count: 3), socklen_t(12))
            guard getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0, size == 12 else {
                return nil
            }
            return credentials[1]
        #else
            var (user, group) = (uid_t(0), gid_t(0))
            return getpeereid(descriptor, &user, &group) == 0 ? user : nil
        #endif
    }

    /// Sends bytes.
    func send(_ bytes: [UInt8], until end: MonotonicTime) throws(Failure) {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                PlatformLibC.send(descriptor, $0.baseAddress, $0.count, Self.withoutSignal)
            }
            if count > 0 {
                sent += count
            } else if errno == EAGAIN || errno == EWOULDBLOCK {
                try wait(for: Int16(POLLOUT), until: end)
            } else if errno != EINTR {
                throw .lost
            }
        }
    }

    /// Receives a frame, without its length.
    ///
    /// - Parameters:
    ///   - begin: until when it has to begin, and to be whole; `nil` waits for ever.
    ///   - length: for how long it may take once it has begun.
    func receive(until begin: MonotonicTime?, within length: Duration) throws(Failure) -> [UInt8] {
        if received == 0 { try fill(until: begin ?? .distantFuture) }
        let limit = MonotonicTime.present + length
        let end = min(begin ?? limit, limit)
        while received < 4 { try fill(until: end) }
        let count = room[..<4].reduce(0) { $0 << 8 | Int($1) }
        guard (5...SignerFrame.longest).contains(count) else { throw .lost }
        while received < 4 + count { try fill(until: end) }
        let frame = Array(room[4..<(4 + count)])
        let rest = Array(room[(4 + count)..<received])
        room.replaceSubrange(..<rest.count, with: rest)
        received = rest.count
        return frame
    }

    /// Reads what has come, and waits for it first.
    private func fill(until end: MonotonicTime) throws(Failure) {
        try wait(for: Int16(POLLIN), until: end)
        let count = room[received...].withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
        guard count != 0, count > 0 || errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK else { throw .lost }
        received += max(0, count)
    }

    /// `MSG_NOSIGNAL`: who writes to a connection that is gone gets an error and no signal.
    #if os(Linux)
        private static let withoutSignal: Int32 = 0x4000
    #else
        private static let withoutSignal: Int32 = 0
    #endif

    private func wait(for events: Int16, until end: MonotonicTime) throws(Failure) {
        var timeout: Int32 = -1
        if end != .distantFuture {
            let left = (end - MonotonicTime.present).inMilliseconds
            guard left >= 0 else { throw .late }
            timeout = Int32(clamping: left + 1)
        }
        var descriptors = pollfd(fd: descriptor, events: events, revents: 0)
        if poll(&descriptors, 1, timeout) == 0 { throw .late }
    }
}

/// The address of a Unix socket.
enum UnixAddress {
    /// A new socket.
    static func socket() -> Int32? {
        #if canImport(Darwin)
            let descriptor = PlatformLibC.socket(AF_UNIX, SOCK_STREAM, 0)
        #else
            let descriptor = PlatformLibC.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        #endif
        return descriptor >= 0 ? descriptor : nil
    }

    /// The longest path: 107 bytes, and 103 on Darwin.
    static let longestPath = MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1

    /// Gives the address of a path to a function of the system; -1 for a path that is too long.
    static func with(_ path: String, _ use: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard !bytes.isEmpty, bytes.count <= longestPath else { return -1 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        return withUnsafeBytes(of: &address) { raw in
            guard let base = raw.baseAddress?.assumingMemoryBound(to: sockaddr.self) else { return -1 }
            return use(base, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
    }
}
