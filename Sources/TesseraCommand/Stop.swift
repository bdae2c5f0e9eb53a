import ArgumentParser
import PlatformLibC

/// `tessera stop`: terminates cores and waits until they have exited.
struct Stop: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Stop the cores that run on this machine, or one of them.")

    @Option(help: "The process id of the only core to stop.")
    var id: String?

    func run() async throws {
        let running = await RunningCores.find()
        var cores = running.members.map(\.instance)
        if cores.isEmpty {
            print("No SuperTokens instances are running.")
            return
        }
        if let id {
            cores = cores.filter { String($0.pid) == id }
            if cores.isEmpty {
                print("Unknown PID: \(id)")
                throw ExitCode.failure
            }
        }
        for core in cores { try await stop(core) }
    }

    private func stop(_ core: Instance) async throws {
        guard kill(core.pid, SIGTERM) == 0 else {
            throw Failure("PID \(core.pid) cannot be stopped: \(String(cString: strerror(errno)))")
        }
        // A core answers what has begun, for 20 seconds at most.
        for _ in 0..<500 {
            if await isGone(core) {
                print(
                    "Successfully stopped SuperTokens with PID \(core.pid), running on \(core.host):\(core.port)")
                return
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw Failure("PID \(core.pid) is still running")
    }

    /// A process whose parent does not look after it keeps its id; that it deleted its `.started` file is enough then.
    private func isGone(_ core: Instance) async -> Bool {
        if !core.hasProcess { return true }
        if StartedFiles().has(core) { return false }
        for _ in 0..<20 where core.hasProcess { try? await Task.sleep(for: .milliseconds(50)) }
        return true
    }
}
