// A queue over HTTP, and a broker that dies under it. Prints a line a test, and ends with how many failed.
using System;
using System.Text.RegularExpressions;

public static class Orders
{
    private const string Jobs = "/q/v1/topics/jobs/messages";
    private const string Receive = "/q/v1/topics/jobs/groups/crew:receive";

    public static int Main()
    {
        int failed = 0;
        failed += Run("what was acknowledged is there after a kill", AcknowledgedIsThereAfterAKill);
        failed += Run("a lease that runs out gives the message to somebody else", ALeaseRunsOut);
        failed += Run("an expectation that does not hold says why", AnExpectationSaysWhy);
        Console.WriteLine("3 tests, {0} failed", failed);
        return failed;
    }

    private static int Run(string name, Action<Milena> test)
    {
        try
        {
            using (var milena = new Milena()) test(milena);
            Console.WriteLine("pass {0}", name);
            return 0;
        }
        catch (Exception error)
        {
            Console.WriteLine("FAIL {0}: {1}", name, error.Message);
            return 1;
        }
    }

    private static void AcknowledgedIsThereAfterAKill(Milena milena)
    {
        Expect(201, milena.Post(Jobs, "[{\"value\": \"a\"}, {\"value\": \"b\"}]"));
        var first = Expect(200, milena.Post(Receive, "{}"));
        string lease = Regex.Match(first, "\"lease\":\"([^\"]*)\"").Groups[1].Value;
        Expect(200, milena.Post("/q/v1/groups/crew:ack", "{\"lease\": \"" + lease + "\"}"));
        Expect(200, milena.Control("POST", "kill"));
        Expect(200, milena.Control("POST", "start"));
        var second = Expect(200, milena.Post(Receive, "{\"max\": 10}"));
        Equal(1, Regex.Matches(second, "\"lease\":").Count);
        Equal(true, second.Contains("\"value\":\"b\""));
        Expect(200, milena.Control("POST", "expect/nothing-lost?end=power-cut"));
    }

    private static void ALeaseRunsOut(Milena milena)
    {
        Expect(201, milena.Post(Jobs, "{\"value\": \"paint\"}"));
        Expect(200, milena.Post(Receive, "{}"));
        Expect(204, milena.Post(Receive, "{\"wait_ms\": 0}"));
        Expect(200, milena.Control("POST", "clock?forward=1h"));
        Equal(true, Expect(200, milena.Post(Receive, "{\"wait_ms\": 5000}")).Contains("\"delivery_count\":2"));
    }

    private static void AnExpectationSaysWhy(Milena milena)
    {
        Expect(201, milena.Post(Jobs, "{\"value\": \"paint\"}"));
        Expect(200, milena.Post(Receive, "{}"));
        var words = Expect(417, milena.Control("GET", "expect/empty?topic=jobs&group=crew&within=50ms"));
        Equal(true, words.Contains("1 messages are left to do"));
    }

    private static string Expect(int status, Tuple<int, string> answer)
    {
        if (answer.Item1 != status) throw new Exception(status + " was expected, and came " + answer.Item1 + ": " + answer.Item2);
        return answer.Item2;
    }

    private static void Equal<T>(T expected, T found)
    {
        if (!expected.Equals(found)) throw new Exception(expected + " was expected, and came " + found);
    }
}
