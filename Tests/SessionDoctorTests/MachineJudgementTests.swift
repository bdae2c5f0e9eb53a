import Foundations
import SessionDoctor
import Testing

@Suite("What the doctor makes of a machine")
struct MachineJudgementTests {
    private static var good: MachineFacts {
        var facts = MachineFacts()
        facts.time = Timestamp(milliseconds: 1_800_000_000_000)
        facts.newestFile = facts.time
        facts.storage = .good("/data/tessera.sqlite, whole")
        facts.privateEntries = [.init(path: "/data", mode: 0o700, isOwn: true)]
        facts.secretFiles = [.init(path: "/etc/tessera.yaml", mode: 0o640, isOwn: true)]
        (facts.freeBytes, facts.descriptorLimit) = (10 << 30, 16_384)
        facts.cores = [.init(name: "the core", status: 200, clockOffset: Milliseconds(-900))]
        return facts
    }

    private func codes(_ change: (inout MachineFacts) -> Void) -> [String] {
        var facts = Self.good
        change(&facts)
        return facts.judgement.diagnoses.map(\.code)
    }

    @Test("nothing is said of a machine that is right")
    func good() {
        #expect(codes { _ in } == [])
        #expect(Self.good.judgement.good.count == 7)
    }

    @Test("each cause by its code, the bad ones first")
    func causes() {
        #expect(codes { $0.configurationProblem = "x" } == ["M01"])
        #expect(codes { $0.configurationNotes = ["a", "b"] } == ["M02", "M02"])
        #expect(codes { $0.storage = .bad("x") } == ["M03"])
        #expect(codes { $0.storage = .absent(folder: "/data") } == ["M04"])
        #expect(codes { $0.privateEntries = [.init(path: "/data", mode: 0o750, isOwn: true)] } == ["M05"])
        #expect(codes { $0.privateEntries = [.init(path: "/data", mode: 0o700, isOwn: false)] } == ["M05"])
        #expect(codes { $0.secretFiles = [.init(path: "/k", mode: 0o644, isOwn: true)] } == ["M06"])
        #expect(codes { $0.freeBytes = 1 } == ["M07"])
        #expect(codes { $0.descriptorLimit = 1_024 } == ["M08"])
        #expect(codes { $0.time = Timestamp(milliseconds: 0) }.first == "M09")
        #expect(codes { $0.newestFile = $0.time + .hours(1) } == ["M09"])
        #expect(codes { $0.cores = [.init(name: "c", status: 200, clockOffset: .minutes(1))] } == ["M09"])
        #expect(codes { $0.cores = [.init(name: "c", status: nil, clockOffset: nil)] } == ["M10"])
        #expect(
            codes { facts in
                facts.storage = .bad("x")
                facts.configurationNotes = ["a"]
            } == ["M03", "M02"])
    }
}
