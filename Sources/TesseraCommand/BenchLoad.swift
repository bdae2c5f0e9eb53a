import Foundations
import NIOCore
import NIOHTTP1
import NIOPosix
import OperatorTools
import SessionDoctor

/// Requests on many connections, and how long each took.
struct BenchLoad: Sendable {
    /// What a connection has measured.
    struct Measured: Sendable {
        var latencies = LatencyHistogram()
        /// Answers by status; 0 stands for none.
        var statuses: [Int: Int] = [:]

        mutating func add(_ other: Measured) {
            latencies.add(other.latencies)
            statuses.merge(other.statuses, uniquingKeysWith: +)
        }
    }

    let request: ProbeRequest
    /// Requests a second over all connections; 0 for a closed loop.
    let rate: Int
    let connections: Int
    let warmUp: Duration
    let duration: Duration

    private typealias Channel = NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>

    /// Sends until the time has passed.
    func run() async -> Measured {
        let start = MonotonicTime.present
        return await withTaskGroup(of: Measured.self) { group in
            for number in 0..<connections { group.addTask { await connection(number, start) } }
            return await group.reduce(into: Measured()) { $0.add($1) }
        }
    }

    /// One connection after another for as long as the load lasts, each until it breaks.
    private func connection(_ number: Int, _ start: MonotonicTime) async -> Measured {
        var state = Turn(number: number, start: start, load: self)
        while state.isOn {
            do {
                let channel = try await connect()
                try await channel.executeThenClose { inbound, outbound in
                    var replies = inbound.makeAsyncIterator()
                    while state.isOn {
                        await state.wait()
                        try await outbound.write(contentsOf: request.parts(after: head))
                        var reading = Reading()
                        while !reading.isWhole {
                            guard let part = try await replies.next() else { throw ChannelError.eof }
                            reading.take(part)
                        }
                        state.note(reading.status)
                    }
                }
            } catch {
                state.note(0)
                // A server that is away is not asked in a busy loop.
                await ClockAndRandomness.system.pause(Milliseconds(20))
            }
        }
        return state.measured
    }

    private var head: HTTPRequestHead {
        var fields = HTTPHeaders([("Host", request.address.hostField)])
        for field in request.fields { fields.add(name: field.name, value: field.value) }
        if !request.body.isEmpty { fields.add(name: "Content-Length", value: "\(request.body.utf8.count)") }
        return HTTPRequestHead(
            version: .http1_1, method: HTTPMethod(rawValue: request.method), uri: request.target, headers: fields)
    }

    private func connect() async throws -> Channel {
        try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(.seconds(5))
            .channelOption(.socketOption(.tcp_nodelay), value: 1)
            .connect(host: request.address.host, port: request.address.port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    return try Channel(wrappingChannelSynchronously: channel)
                }
            }
    }
}

/// A reply of which only the status counts.
private struct Reading {
    private(set) var status = 0
    private(set) var isWhole = false

    mutating func take(_ part: HTTPClientResponsePart) {
        switch part {
        case .head(let head): status = Int(head.status.code)
        case .body: break
        case .end: isWhole = true
        }
    }
}

/// When a connection sends its next request, and what it measured.
private struct Turn {
    private(set) var measured = BenchLoad.Measured()
    private let measuresFrom: MonotonicTime
    private let end: MonotonicTime
    /// Between two requests of this connection; `nil` in a closed loop.
    private let step: Duration?
    /// When the next request is due, or when the last one was sent.
    private var due: MonotonicTime

    init(number: Int, start: MonotonicTime, load: BenchLoad) {
        measuresFrom = start + load.warmUp
        end = measuresFrom + load.duration
        step = load.rate > 0 ? .nanoseconds(Int64(load.connections) * 1_000_000_000 / Int64(load.rate)) : nil
        // The connections take turns.
        due = start + (load.rate > 0 ? .nanoseconds(Int64(number) * 1_000_000_000 / Int64(load.rate)) : .zero)
    }

    var isOn: Bool { (step == nil ? MonotonicTime.present : due) < end && MonotonicTime.present < end + .seconds(5) }

    /// Waits until a request is due.
    mutating func wait() async {
        guard step != nil else {
            due = MonotonicTime.present
            return
        }
        let left = due - MonotonicTime.present
        if left > .zero { try? await Task.sleep(for: left) }
    }

    /// Counts an answer, from the time at which its request was due.
    mutating func note(_ status: Int) {
        let microseconds = (MonotonicTime.present - due).inNanoseconds / 1_000
        if due >= measuresFrom {
            measured.statuses[status, default: 0] += 1
            if status != 0 { measured.latencies.record(microseconds) }
        }
        if let step { due = due + step } else { due = MonotonicTime.present }
    }
}
