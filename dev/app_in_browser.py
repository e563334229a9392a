"""Use demo/app.py in a real browser and take a picture of it.

Outside CI; needs Chromium, and Playwright beside Gradio:

    python demo/app.py --model DETECTOR CHECKPOINT --model FCMAE CHECKPOINT &
    python dev/app_in_browser.py IMAGE FILE.png
"""
import argparse
import time

from playwright.sync_api import Page, expect, sync_playwright


def choose_image(page: Page, tab: str, image: str) -> float:
    """Open a tab and upload an image; returns the seconds to the picture."""
    page.get_by_role('tab', name=tab).first.click()
    panel = page.get_by_role('tabpanel').filter(visible=True)
    start = time.monotonic()
    panel.locator('input[type=file]').first.set_input_files(image)
    expect(panel.locator('.drawn img').first).to_be_visible(timeout=60_000)
    return time.monotonic() - start


def main() -> None:
    """Walk through the tabs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('image')
    parser.add_argument('out', help='PNG file to write')
    parser.add_argument('--url', default='http://127.0.0.1:7860')
    parser.add_argument('--chromium', default='/usr/bin/chromium')
    args = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=args.chromium, args=['--no-sandbox'])
        page = browser.new_page(viewport=dict(width=1200, height=900))
        page.goto(args.url)
        for tab in ('Prediction', 'Channels'):
            seconds = choose_image(page, tab, args.image)
            print(f'{tab}: {seconds:.1f} s from upload to picture')
        seconds = choose_image(page, 'Reconstruction', args.image)
        print(f'Reconstruction: {seconds:.1f} s')
        panel = page.get_by_role('tabpanel').filter(visible=True)
        masked = panel.locator('.drawn img').nth(1)
        before = masked.get_attribute('src')
        masked.click(position=dict(x=100, y=100))
        expect(masked).not_to_have_attribute('src', before, timeout=60_000)
        print('a click on a patch drew a new picture')
        page.screenshot(path=args.out)
        browser.close()


if __name__ == '__main__':
    main()
