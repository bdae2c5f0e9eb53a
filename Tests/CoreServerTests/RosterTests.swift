import Logging
import NIOCore
import NIOEmbedded
import Testing

@testable import CoreServer

/// The seats of connections that all come from one address, in virtual time.
@Suite("Who has to go when connections are at their limit (finding P1)")
struct RosterTests {
    private let loop = EmbeddedEventLoop()
    /// Six ordinary connections of one address, and three in the reserve, of which one may stay silent.
    private let capacity = Capacity(descriptors: 60)
    private let roster: ConnectionRoster

    init() {
        roster = ConnectionRoster(capacity, Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    private func arrivals(_ count: Int) throws -> [EmbeddedChannel] {
        try (0..<count).map { _ in
            let channel = EmbeddedChannel(loop: loop)
            try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
            _ = roster.enter(channel)
            return channel
        }
    }

    private func open(_ channels: [EmbeddedChannel]) -> [Bool] {
        loop.run()
        return channels.map(\.isActive)
    }

    @Test("the limits follow the number of files that the process may have open")
    func limits() {
        #expect((capacity.total, capacity.perPeer, capacity.reserve, capacity.silent) == (9, 6, 3, 1))
        for descriptors in [0, -1, 1, 48, 52] as [Int] {
            let least = Capacity(descriptors: descriptors)
            #expect(least.total >= 1 && least.perPeer >= 1 && least.reserve >= 2, "\(descriptors)")
        }
        #expect(Capacity(descriptors: nil) == Capacity(descriptors: .max))
    }

    @Test("within a tenth of a second none goes but the oldest of too many")
    func grace() throws {
        let ordinary = try arrivals(6)
        let reserve = try arrivals(3)
        loop.advanceTime(by: .milliseconds(100))
        let next = try arrivals(1)
        #expect(open(ordinary) == Array(repeating: true, count: 6))
        #expect(open(reserve) == [false, true, true])
        #expect(open(next) == [true])
    }

    @Test("a tenth of a second later the silent ones go for the next, but for the few that may stay")
    func silence() throws {
        _ = try arrivals(6)
        let reserve = try arrivals(3)
        loop.advanceTime(by: .milliseconds(101))
        let next = try arrivals(1)
        #expect(open(reserve) == [false, false, false])
        #expect(open(next) == [true])
        // One alone in the reserve may be silent for longer.
        loop.advanceTime(by: .seconds(10))
        #expect(open(next) == [true])
    }

    @Test("one that has asked stays until it has its answer, however many come")
    func served() throws {
        _ = try arrivals(6)
        let reserve = try arrivals(3)
        roster.hasAsked(reserve[0])
        loop.advanceTime(by: .milliseconds(101))
        let crowd = try arrivals(50)
        #expect(open(reserve) == [true, false, false])
        #expect(open(crowd).filter(\.self).count == 3 && open([crowd[49]]) == [true])
    }

    @Test("a seat that was left is taken by the next one")
    func left() throws {
        let ordinary = try arrivals(6)
        ordinary[0].close(promise: nil)
        loop.run()
        let next = try arrivals(1)
        loop.advanceTime(by: .seconds(1))
        let crowd = try arrivals(20)
        #expect(open(next) == [true])
        #expect(open(crowd).filter(\.self).count == 3)
    }
}
